//! The cloud on this machine: MiniStack, the stand-in for IVS, the broadcast, and the deployment of
//! `infra/app.yaml` to them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    broadcast::{Broadcast, Source},
    deployment::{Deployment, STACK},
    failure::Failure,
    fault_proxy::FaultProxy,
    instance::Instance,
    interrupt,
    network::{self, Reserved},
    page::Page,
    process::Process,
    progress::Progress,
    tools::{Tool, Tools},
    workspace::Workspace,
};

/// The AWS region that the local cloud plays.
pub(crate) const REGION: &str = "eu-west-1";

/// The key of the emulator's root user, and its secret.
pub(crate) const ROOT: &str = "test";

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);

/// What is brought up, and with what.
pub(crate) struct Plan<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) instance: &'a Instance,
    pub(crate) progress: &'a Progress,
    pub(crate) media: Media,
    /// Serve the viewers' page, which has been built.
    pub(crate) page: Option<Page<'a>>,
    pub(crate) calls: Calls,
}

/// How the functions call the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    /// As they would on AWS.
    Direct,
    /// By a proxy that makes them fail when a test asks.
    ByFaultProxy,
}

/// What is on air, for whom, and who else takes an interest.
#[derive(Debug, Default)]
pub(crate) struct Media {
    pub(crate) video: Video,
    /// The private key that signs playback tokens; else a new one.
    pub(crate) playback_key: Option<PathBuf>,
    /// How long playback tokens last at most, when not as long as usual.
    pub(crate) token_seconds: Option<u32>,
    /// Whether analysts have a queue.
    pub(crate) analysts_queue: bool,
}

/// What is broadcast.
#[derive(Debug, Default)]
pub(crate) enum Video {
    /// A moving test picture.
    #[default]
    TestClip,
    /// A file, in a loop.
    File(PathBuf),
    /// Nothing: the user publishes.
    None,
}

/// A running local cloud with the stack deployed and the broadcast on air. All of it ends when
/// dropped, in this order.
pub(crate) struct Cloud {
    page: Option<Process>,
    broadcast: Option<Broadcast>,
    ministack: Process,
    fault_proxy: Option<FaultProxy>,
    ivs: Process,
}

impl Cloud {
    /// Fails when a server of the cloud has ended, which it must not.
    pub(crate) fn must_run(&mut self) -> anyhow::Result<()> {
        self.ministack.must_run()?;
        self.ivs.must_run()?;
        if let Some(proxy) = &mut self.fault_proxy {
            proxy.must_run()?;
        }
        self.page.as_mut().map_or(Ok(()), Process::must_run)
    }
}

/// Brings everything up that has been installed and built: the servers are started, and the stack is
/// deployed while the broadcast goes on air.
pub(crate) fn bring_up(plan: &Plan<'_>) -> anyhow::Result<Cloud> {
    let Plan {
        workspace,
        instance,
        progress,
        ..
    } = *plan;
    let tools = Tools::of(workspace);
    // Playback tokens are for one page: where it will be is settled before they are configured.
    let page = match plan.page {
        Some(page) => Some((page, Reserved::take()?)),
        None => None,
    };
    let step = progress.step("Start the cloud");
    // Each is told where those are that it calls, so the one that all of them call is settled first.
    let port = Reserved::take()?;
    let endpoint_url = format!("http://127.0.0.1:{}", port.port());
    let (ivs, ivs_endpoint_url) = start_ivs(workspace, &tools, instance, Some(&endpoint_url))?;
    let fault_proxy = match plan.calls {
        Calls::Direct => None,
        Calls::ByFaultProxy => Some(FaultProxy::start(
            workspace,
            instance,
            &endpoint_url,
            &ivs_endpoint_url,
        )?),
    };
    let functions_call = fault_proxy
        .as_ref()
        .map_or(&endpoint_url, FaultProxy::endpoint_url);
    let ministack = start_ministack(&tools, instance, port, functions_call)?;
    let deployment = Deployment {
        workspace,
        instance,
        tools: &tools,
        endpoint_url,
        page_origin: page
            .as_ref()
            .map(|(_, port)| format!("http://127.0.0.1:{}", port.port())),
        fault_proxy: fault_proxy.as_ref().map(FaultProxy::description),
    };
    let prepared = deployment.prepare(&ivs_endpoint_url, &plan.media, &step)?;
    let rtmp_url = text(&prepared["channel"]["rtmpUrl"], "the address to publish to")?;
    let channel_arn = text(&prepared["channel"]["arn"], "the channel's ARN")?;
    step.done(&deployment.endpoint_url);

    let source = match &plan.media.video {
        Video::File(file) => Some(Source::File(file.clone())),
        Video::TestClip => Some(Source::TestClip {
            fonts: tools.npm_file("dejavu-fonts-ttf/ttf"),
        }),
        Video::None => None,
    };
    let log = instance.log("publisher");
    let mut cloud = Cloud {
        page: None,
        broadcast: source.map(|source| Broadcast::start(&tools.ffmpeg(), source, &rtmp_url, &log)),
        ministack,
        fault_proxy,
        ivs,
    };
    let Cloud { broadcast, ivs, .. } = &mut cloud;
    interrupt::side_by_side(vec![
        Box::new(|| deployment.put_up(&prepared["parameters"], progress)),
        Box::new(|| {
            let Some(broadcast) = broadcast else {
                return Ok(());
            };
            broadcast.await_on_air(progress, || {
                ivs.must_run()?;
                Ok(is_live(&ivs_endpoint_url, &channel_arn))
            })
        }),
    ])?;
    if let Some((page, port)) = page {
        let step = progress.step("Serve the page");
        cloud.page = Some(page.serve_stack(port)?);
        step.done("");
    }
    cloud.must_run()?;
    Ok(cloud)
}

/// Whether the channel's video can be played.
fn is_live(ivs_endpoint_url: &str, channel_arn: &str) -> bool {
    // ivs-local takes any signature, but wants to see for which region it is.
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={ROOT}/20260101/{REGION}/ivs/aws4_request");
    let body = json!({ "channelArn": channel_arn }).to_string();
    network::takes(ivs_endpoint_url, "/GetStream", &authorization, &body)
}

/// Starts MiniStack on a port. It tells the functions that AWS is at `functions_call`.
fn start_ministack(
    tools: &Tools,
    instance: &Instance,
    port: Reserved,
    functions_call: &str,
) -> anyhow::Result<Process> {
    let port = port.release();
    let mut command = Command::new(tools.program(Tool::MiniStack, "ministack"));
    for_local_cloud(&mut command, functions_call);
    command
        .env("AUTH", "true")
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("MINISTACK_REGION", REGION)
        // Its MQTT listener would be open to other machines.
        .env("IOT_MTLS_ENABLED", "0")
        .env("STATE_DIR", instance.state("ministack"))
        .env("TMPDIR", instance.temporary());
    let mut process = Process::start(command, "MiniStack", &instance.log("ministack"))?;
    await_start(&mut process, || {
        Ok(network::answers(port, "/_ministack/health").then_some(()))
    })?;
    Ok(process)
}

/// Starts the stand-in for IVS; returns its address too. It tells EventBridge at the given address,
/// if there is one, about its streams.
pub(crate) fn start_ivs(
    workspace: &Workspace,
    tools: &Tools,
    instance: &Instance,
    events_endpoint_url: Option<&str>,
) -> anyhow::Result<(Process, String)> {
    let log = instance.log("ivs-local");
    let folder = instance.state("ivs-local");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut command = Command::new(workspace.program("ivs-local"));
    on_this_machine(&mut command);
    if let Some(url) = events_endpoint_url {
        for_local_cloud(&mut command, url);
        // The stack makes a bus of its own name. Events before that are lost, and logged.
        command.args(["--events-endpoint", url, "--events-bus", STACK]);
    }
    command
        .args(["--api", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--ffmpeg"])
        .arg(tools.ffmpeg())
        .arg("--work-dir")
        .arg(folder)
        .env("TMPDIR", instance.temporary());
    let mut process = Process::start(command, "ivs-local", &log)?;
    let address = await_start(&mut process, || {
        Ok(api_address(
            &std::fs::read_to_string(&log).unwrap_or_default(),
        ))
    })?;
    Ok((process, address))
}

/// What ivs-local prints before it is ready: one address a line.
fn api_address(printed: &str) -> Option<String> {
    let ready = printed.lines().any(|line| line == "ready");
    let address = printed.lines().find_map(|line| line.strip_prefix("api "))?;
    ready.then(|| address.to_owned())
}

/// Waits until a server says that it is up.
pub(crate) fn await_start<T>(
    process: &mut Process,
    mut up: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = up()? {
            return Ok(answer);
        }
        process.must_run()?;
        if started.elapsed() > START {
            let what = format!(
                "{} did not answer within {} s",
                process.name(),
                START.as_secs()
            );
            return Err(process.with_log(Failure::new(what)).into());
        }
        interrupt::pause()?;
    }
}

/// The program that sets the stage.
pub(crate) fn stage(workspace: &Workspace) -> Command {
    let mut command = Command::new(workspace.program("stage"));
    on_this_machine(&mut command);
    command
}

/// The SAM CLI. It keeps its settings with the tools, not in the user's home, and sends nothing.
pub(crate) fn sam(tools: &Tools) -> Command {
    let mut command = Command::new(tools.program(Tool::Sam, "sam"));
    command
        .env("SAM_CLI_TELEMETRY", "0")
        .env("SAMCLI_DISABLE_VERSION_CHECK", "1")
        .env("__SAM_CLI_APP_DIR", tools.sam_settings());
    command
}

/// Lets a command reach the local cloud and nothing else: whatever the user has set up for AWS must
/// not lead it to a real account.
pub(crate) fn for_local_cloud(command: &mut Command, endpoint_url: &str) {
    on_this_machine(command);
    command
        .env("AWS_ENDPOINT_URL", endpoint_url)
        .env("AWS_ACCESS_KEY_ID", ROOT)
        .env("AWS_SECRET_ACCESS_KEY", ROOT)
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true");
}

/// Takes away what the user's environment and files say about AWS, and any proxy on the way to this
/// machine.
pub(crate) fn on_this_machine(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
    }
    let nothing = Path::new("/dev/null");
    command
        .env("AWS_CONFIG_FILE", nothing)
        .env("AWS_SHARED_CREDENTIALS_FILE", nothing)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("no_proxy", "127.0.0.1,localhost");
}

/// A string of a JSON document that must be there.
pub(crate) fn text(value: &Value, what: &str) -> anyhow::Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("{what} is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ivs_is_up_once_it_says_so() {
        let printed = "api http://127.0.0.1:4001\nrtmp rtmp://127.0.0.1:4002/app\n";
        assert_eq!(api_address(printed), None);
        let printed = format!("{printed}ready\nanother line\n");
        assert_eq!(
            api_address(&printed).as_deref(),
            Some("http://127.0.0.1:4001")
        );
    }

    #[test]
    fn no_setting_of_the_user_leads_to_a_real_account() {
        let mut command = Command::new("sam");
        for_local_cloud(&mut command, "http://127.0.0.1:1");
        let set = |name: &str| {
            let value = command.get_envs().find(|(key, _)| *key == name)?.1?;
            value.to_str()
        };
        assert_eq!(set("AWS_ENDPOINT_URL"), Some("http://127.0.0.1:1"));
        assert_eq!(set("AWS_CONFIG_FILE"), Some("/dev/null"));
        assert_eq!(set("no_proxy"), Some("127.0.0.1,localhost"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            let ours = ["http://127.0.0.1:1", ROOT, REGION, "true", "/dev/null"];
            assert!(
                set(&name).is_none_or(|value| ours.contains(&value)),
                "{name} is handed on"
            );
        }
    }
}
