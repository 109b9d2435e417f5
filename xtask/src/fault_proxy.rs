//! The proxy between the functions and the local cloud, which makes their calls fail when a test asks.

use std::{path::PathBuf, process::Command};

use anyhow::Context;
use serde_json::json;

use crate::{
    cloud::{await_start, on_this_machine},
    instance::Instance,
    process::Process,
    workspace::Workspace,
};

/// The running proxy. It ends when dropped.
pub(crate) struct FaultProxy {
    process: Process,
    endpoint_url: String,
    description: PathBuf,
}

/// What it prints before it is ready: one address a line.
#[derive(Debug, PartialEq, Eq)]
struct Addresses {
    aws: String,
    ivs: String,
    control: String,
}

impl FaultProxy {
    /// Starts it in front of the servers at these addresses. They need not be up yet.
    pub(crate) fn start(
        workspace: &Workspace,
        instance: &Instance,
        aws: &str,
        ivs: &str,
    ) -> anyhow::Result<Self> {
        let (log, printed) = (
            instance.log("fault-proxy"),
            instance.state("fault-proxy.txt"),
        );
        let mut command = Command::new(workspace.program("fault-proxy"));
        on_this_machine(&mut command);
        command.args(["--aws", host(aws)?, "--ivs", host(ivs)?]);
        let mut process = Process::start_into(command, "the fault proxy", &printed, &log)?;
        let addresses = await_start(&mut process, || {
            Ok(addresses(
                &std::fs::read_to_string(&printed).unwrap_or_default(),
            ))
        })?;
        let description = instance.state("fault-proxy.json");
        let text = json!({
            "controlUrl": addresses.control,
            "endpointUrl": addresses.aws,
            "ivsEndpointUrl": addresses.ivs,
        });
        std::fs::write(&description, text.to_string())
            .with_context(|| format!("cannot write {}", description.display()))?;
        Ok(Self {
            process,
            endpoint_url: addresses.aws,
            description,
        })
    }

    /// Where functions find AWS by it.
    pub(crate) fn endpoint_url(&self) -> &String {
        &self.endpoint_url
    }

    /// The file that says where it is.
    pub(crate) fn description(&self) -> PathBuf {
        self.description.clone()
    }

    /// Fails when it has ended, which it must not.
    pub(crate) fn must_run(&mut self) -> anyhow::Result<()> {
        self.process.must_run()
    }
}

fn host(url: &str) -> anyhow::Result<&str> {
    url.strip_prefix("http://")
        .with_context(|| format!("not an address of this machine: {url}"))
}

fn addresses(printed: &str) -> Option<Addresses> {
    let ready = printed.lines().any(|line| line == "ready");
    let address = |name: &str| {
        let mut lines = printed.lines().filter_map(|line| line.split_once(' '));
        let (_, address) = lines.find(|(first, _)| *first == name)?;
        Some(address.to_owned())
    };
    let addresses = Addresses {
        aws: address("aws")?,
        ivs: address("ivs")?,
        control: address("control")?,
    };
    ready.then_some(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_up_once_it_says_so() {
        let printed =
            "aws http://127.0.0.1:1\nivs http://127.0.0.1:2\ncontrol http://127.0.0.1:3\n";
        assert_eq!(addresses(printed), None);
        let expected = Addresses {
            aws: "http://127.0.0.1:1".to_owned(),
            ivs: "http://127.0.0.1:2".to_owned(),
            control: "http://127.0.0.1:3".to_owned(),
        };
        assert_eq!(addresses(&format!("{printed}ready\n")), Some(expected));
    }

    #[test]
    fn the_servers_are_on_this_machine() {
        assert_eq!(host("http://127.0.0.1:1").unwrap(), "127.0.0.1:1");
        assert!(host("https://dynamodb.eu-west-1.amazonaws.com").is_err());
    }
}
