//! `bench`: figures about the system, measured on this machine.

mod beside_peers;
mod revocations;

use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};

use super::{Setting, exit_code, no_report_yet};
use crate::{
    build::Scope,
    cli::{Bench, Figures},
    cloud,
    network::Reserved,
    process::Process,
    tools::{Tool, Tools},
    workspace::Workspace,
};

/// The script of the page that measures, and the file that it leaves among the artifacts.
const LATENCY: (&str, &str) = ("latency", "latency.json");

/// `bench`
pub(crate) fn bench(workspace: &Workspace, what: &Bench) -> anyhow::Result<ExitCode> {
    match what {
        Bench::Answers(options) => {
            beside_peers::measure(workspace, "answers", "answer-api", options)
        }
        Bench::Cues(options) => cues(workspace, options),
        Bench::Revocations(options) => revocations::revocations(workspace, options),
        Bench::Tokens(options) => beside_peers::measure(workspace, "tokens", "token-api", options),
    }
}

/// Needs the stand-in for IVS and the page only: nobody signs in.
fn cues(workspace: &Workspace, options: &Figures) -> anyhow::Result<ExitCode> {
    let setting = Setting::new(workspace)?;
    let report = options.json.as_deref().map(no_report_yet).transpose()?;
    let page = setting.page();
    let needed = [Tool::Ffmpeg, Tool::Page, Tool::Chromium];
    setting.make(Scope::Programs, &needed, || page.build())?;

    let tools = Tools::of(workspace);
    let (mut ivs, ivs_endpoint_url) = cloud::start_ivs(workspace, &tools, &setting.instance, None)?;
    let port = Reserved::take()?;
    let system = system(&ivs_endpoint_url, port.port());
    let mut server = page.serve(port, &json!({}), None)?;
    // Not the instance's description of a stack: nothing is deployed.
    let described = setting.instance.state("latency-stack.json");
    std::fs::write(&described, system.to_string())
        .with_context(|| format!("cannot write {}", described.display()))?;

    let (script, figures) = LATENCY;
    let mut script = page.in_browser(script)?;
    script.env("CUEPOINT_STACK", described);
    let mut process = Process::start_in_view(script, "the measuring script")?;
    let status = process.wait(|| {
        ivs.must_run()?;
        server.must_run()
    })?;
    let figures = setting.instance.artifacts().join(figures);
    // They are there also when they are not good enough.
    if let Some(report) = report.filter(|_| figures.exists()) {
        std::fs::copy(&figures, &report)
            .with_context(|| format!("cannot write {}", report.display()))?;
    }
    if !status.success() {
        let logs = setting.instance.folder.join("logs");
        eprintln!("\nThe measurement did not end well ({status}).");
        eprintln!("  logs: {}", logs.display());
    }
    Ok(exit_code(status))
}

/// What the measuring script has to know of a system without AWS: it gives the page a configuration
/// of its own.
fn system(ivs_endpoint_url: &str, page_port: u16) -> Value {
    json!({
        "region": cloud::REGION,
        "ivsEndpointUrl": ivs_endpoint_url,
        "accessKeyId": cloud::ROOT,
        "secretAccessKey": cloud::ROOT,
        "pageUrl": format!("http://127.0.0.1:{page_port}/"),
    })
}
