//! `up`: everything runs, and the user is told where.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use serde_json::{Value, json};

use super::{Setting, keep, media};
use crate::{
    build,
    cli::Up,
    cloud::{self, Calls},
    page::path_form,
    process,
    tools::Tool,
    workspace::Workspace,
};

/// `up`
pub(crate) fn up(workspace: &Workspace, options: &Up) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let media = media(options)?;
    let page = setting.page();
    let mut tools = Tool::CLOUD.to_vec();
    tools.push(Tool::Page);
    setting.make(build::Scope::Programs, &tools, || page.build())?;
    let calls = match options.faults {
        true => Calls::ByFaultProxy,
        false => Calls::Direct,
    };
    let mut cloud = setting.bring_up(media, Some(page), calls)?;
    tell(&setting)?;
    keep(&mut cloud)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes users and tells where everything is.
pub(super) fn tell(setting: &Setting<'_>) -> anyhow::Result<()> {
    let users = make_users(setting)?;
    let text = std::fs::read_to_string(setting.instance.stack())
        .context("cannot read the description of the stack")?;
    let stack: Value = serde_json::from_str(&text).context("the stack's description is no JSON")?;
    let file = setting.instance.users();
    std::fs::write(&file, serde_json::to_string_pretty(&users)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    print_page(&stack, &users);
    print_addresses(setting, &stack);
    print_tokens(&file);
    println!("\n  Then, in another terminal:");
    println!("    cargo xtask cue \"Is this on?\"   a question into the video");
    println!("    cargo xtask quiz --watch         a quiz to answer on the page");
    println!("    cargo xtask entitle stranger     and `revoke`: who may watch");
    Ok(())
}

/// A user that `up` makes: the word it is known by, and how.
const USERS: [(&str, &[&str]); 3] = [
    ("viewer", &["--name", "viewer", "--entitled"]),
    ("stranger", &["--name", "stranger"]),
    (
        "producer",
        &["--name", "producer", "--producer", "--entitled"],
    ),
];

fn make_users(setting: &Setting<'_>) -> anyhow::Result<Value> {
    let step = setting.progress.step("Make the users");
    let mut users = json!({});
    for (known_as, arguments) in USERS {
        let mut command = cloud::stage(setting.workspace);
        command.arg("user").args(arguments);
        let printed = process::run_into(
            setting.with_stack(command),
            &format!("the making of the user {known_as}"),
            &setting.instance.state("user.json"),
            &setting.instance.log("users"),
            &step,
        )?;
        users[known_as] = serde_json::from_str(&printed)
            .with_context(|| format!("cannot read what stage printed about {known_as}"))?;
    }
    step.done("");
    Ok(users)
}

fn print_page(stack: &Value, users: &Value) {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    println!("\n  {:<18}{}", "The page", word(&stack["pageUrl"]));
    println!("\n  {:<18}{:<34}{:<20}", "user", "sign in as", "password");
    for (known_as, what) in [
        ("viewer", "may watch"),
        ("stranger", "may not watch"),
        ("producer", "may watch, and schedule quizzes"),
    ] {
        let user = &users[known_as];
        let (name, password) = (word(&user["username"]), word(&user["password"]));
        println!("  {known_as:<18}{name:<34}{password:<20}{what}");
    }
}

fn print_addresses(setting: &Setting<'_>, stack: &Value) {
    let line = |name: &str, value: &Value| {
        println!("  {name:<18}{}", value.as_str().unwrap_or("-"));
    };
    println!();
    line("HTTP API", &stack["outputs"]["ApiUrl"]);
    line("  by path", &json!(path_form(stack).unwrap_or_default()));
    line("AWS", &stack["endpointUrl"]);
    line("IVS", &stack["ivsEndpointUrl"]);
    line("Video (+ ?token=)", &stack["channel"]["playbackUrl"]);
    line("Page origin", &stack["channel"]["origin"]);
    line("RTMP ingest", &stack["channel"]["rtmpUrl"]);
    line("Channel", &stack["channel"]["channelId"]);
    line("Event bus", &stack["outputs"]["EventBusName"]);
    line("Region", &stack["region"]);
    println!(
        "  {:<18}access key and secret are both \"test\"",
        "Credentials"
    );
    println!(
        "  {:<18}{}",
        "All of it",
        setting.instance.stack().display()
    );
    println!(
        "  {:<18}{}",
        "Logs",
        setting.instance.folder.join("logs").display()
    );
}

fn print_tokens(file: &Path) {
    println!(
        "  {:<18}{} (valid for an hour)",
        "Their ID tokens",
        file.display()
    );
    println!("\n  A playback token, for example:");
    println!(
        "    TOKEN=$(node -p 'require(\"{}\").viewer.idToken')",
        file.display()
    );
    println!(
        "    curl -X POST -H \"authorization: Bearer $TOKEN\" API/channels/CHANNEL/playback-token"
    );
}
