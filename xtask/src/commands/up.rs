//! `up`: everything runs, and the user is told where.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use serde_json::{Value, json};

use super::{Setting, keep};
use crate::{build, cli::Up, cloud, process, workspace::Workspace};

/// `up`
pub(crate) fn up(workspace: &Workspace, options: &Up) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let mut cloud = setting.bring_up(build::Scope::Programs, options)?;
    let users = make_users(&setting)?;
    print_addresses(&setting)?;
    print_users(&setting, &users)?;
    keep(&mut cloud)?;
    Ok(ExitCode::SUCCESS)
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

pub(super) fn print_addresses(setting: &Setting<'_>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(setting.instance.stack())
        .context("cannot read the description of the stack")?;
    let stack: Value = serde_json::from_str(&text).context("the stack's description is no JSON")?;
    let line = |name: &str, value: &Value| {
        println!("  {name:<18}{}", value.as_str().unwrap_or("-"));
    };
    println!();
    line("HTTP API", &stack["outputs"]["ApiUrl"]);
    line("  by path", &json!(path_form(&stack).unwrap_or_default()));
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
    Ok(())
}

/// The HTTP API's address for clients that cannot resolve its name: every client can this one.
fn path_form(stack: &Value) -> Option<String> {
    let name = stack["outputs"]["ApiUrl"]
        .as_str()?
        .strip_prefix("http://")?;
    let id = name.split('.').next()?;
    Some(format!(
        "{}/_aws/execute-api/{id}/$default",
        stack["endpointUrl"].as_str()?
    ))
}

fn print_users(setting: &Setting<'_>, users: &Value) -> anyhow::Result<()> {
    let file: PathBuf = setting.instance.folder.join("users.json");
    std::fs::write(&file, serde_json::to_string_pretty(users)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!();
    for (known_as, what) in [
        ("viewer", "entitled"),
        ("stranger", "not entitled"),
        ("producer", "in the group producers, and entitled"),
    ] {
        let user = &users[known_as];
        println!(
            "  {known_as:<18}{} / {}  ({what})",
            user["username"].as_str().unwrap_or("-"),
            user["password"].as_str().unwrap_or("-"),
        );
    }
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_has_an_address_that_every_client_can_resolve() {
        let stack = json!({
            "endpointUrl": "http://127.0.0.1:4566",
            "outputs": {"ApiUrl": "http://0a1b2c3d.execute-api.localhost:4566"},
        });
        assert_eq!(
            path_form(&stack).as_deref(),
            Some("http://127.0.0.1:4566/_aws/execute-api/0a1b2c3d/$default")
        );
    }
}
