//! The command line: every command, its options and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{live, operate};

/// The developer commands of Cuepoint.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring everything up on this machine and run a whole show with simulated viewers.
    ///
    /// Builds the services, starts a cloud on this machine, deploys infra/app.yaml to it,
    /// broadcasts a video, and lets the viewers play it and answer a quiz that pops up in it.
    /// Exits with 0 only if every number of the summary is right.
    Demo(Demo),
    /// Bring up the cloud, the stream and the services, and keep them until Ctrl-C.
    ///
    /// Serves the viewers' page too. Prints its address, three ready-made users (an entitled
    /// viewer, one who is not entitled, and a producer) and every other address.
    Up(Up),
    /// Run the stand-in for IVS with many players for a long time.
    ///
    /// One publisher, a steady flow of cues, and players of both kinds. Exits with 0 only if every
    /// player saw every cue once and in order, and the server did not grow.
    Soak(Soak),
    /// Let thousands answer while calls fail and functions die, and compare the tallies with what they
    /// were told.
    ///
    /// Brings a cloud of its own up. Questions are opened and tallied while functions are killed, their
    /// calls refused, lost or late, and the stream of answers is delivered again in other pieces; all of
    /// it is drawn from the seed, as is what viewers do. Exits with 0 only if every final tally is what
    /// the viewers were told, every live tally the final one, and every accepted answer recorded exactly
    /// once; and if something of each kind has failed. Clocks that differ and several stream shards are
    /// left to `cargo xtask test`.
    Chaos(Chaos),
    /// Put a question into the live video of a running `up`, as the IVS tutorial's generator does.
    ///
    /// It goes straight to PutMetadata: every player shows it at the same point of the video, and
    /// nobody counts the answers.
    Cue(live::Cue),
    /// Schedule a quiz on a running `up`, as its ready-made producer.
    ///
    /// Its questions pop up in the video, and who watches can answer them.
    Quiz(live::Quiz),
    /// Say on the event bus of a running `up` that a user may watch.
    ///
    /// Puts a `user-entitled` event there, as a shop would, and waits until it has been applied.
    Entitle(live::Entitlement),
    /// Say on the event bus of a running `up` that a user may no longer watch.
    ///
    /// Puts a `user-entitlement-revoked` event there and waits until it has been applied.
    Revoke(live::Entitlement),
    /// Move the messages of dead-letter queues back to where they came from.
    ///
    /// On a running `up`, or with --stack-name on AWS. Each message is delivered again and deleted
    /// then; what cannot be done comes back with its reason. Exits with 0 only if every message was
    /// read, and none is left or has come back.
    Redrive(operate::Redrive),
    /// Replace the key that signs playback tokens, without refusing anyone.
    ///
    /// On a running `up`, or with --stack-name on AWS. Makes a key pair, imports its public half at
    /// IVS, lets the functions sign with it, and deletes the old one when no token of it can be in
    /// use. It may be interrupted at any point: run again, it finishes.
    RotatePlaybackKey(operate::RotatePlaybackKey),
    /// Take what happened off the analysts' queue, into a file of JSON lines per kind of event.
    ///
    /// On a running `up --analysts-queue`, or with --stack-name on AWS. Each event is written once,
    /// whatever comes again, and deleted from the queue when it is on the disk. It may be
    /// interrupted at any point: run again, it goes on.
    ExportEvents(operate::ExportEvents),
    /// Run all checks and all tests.
    ///
    /// Runs `lint`, brings the local cloud up, runs the tests of every crate and of the page
    /// against it, and stops it. This is what continuous integration runs.
    Test(Test),
    /// Check formatting, lints, dependencies, templates, state machines and the house rules.
    Lint(Lint),
    /// Measure something that is said about this system.
    #[command(subcommand)]
    Bench(Bench),
    /// Play the answers of an audience against the limits that AWS publishes.
    ///
    /// Nothing is started, and no AWS account is asked. The services' own code decides about shards,
    /// windows, batches, retries and packing. Says where which limit is met, what has to be raised
    /// beforehand and to what, how many viewers are turned away if it is not, and when the tallies are
    /// there. The same seed plays the same.
    Simulate(Simulate),
    /// Say what is missing on this machine, and how to get it.
    Doctor,
}

/// What is broadcast, which key signs the playback tokens, and what is kept.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Up {
    /// Broadcast this file in a loop instead of the test clip.
    #[arg(long, value_name = "FILE")]
    pub(crate) video: Option<PathBuf>,
    /// Broadcast nothing: publish to the printed RTMP address yourself.
    #[arg(long, conflicts_with = "video")]
    pub(crate) no_video: bool,
    /// Sign playback tokens with this private key, P-384 in PEM, instead of a new one.
    #[arg(long, value_name = "FILE")]
    pub(crate) playback_key: Option<PathBuf>,
    /// Keep what happens in every quiz for analysts: `export-events` takes it.
    #[arg(long)]
    pub(crate) analysts_queue: bool,
    /// Let the functions call the cloud by the fault proxy, as under `test`, so that tests of faults
    /// can be run against it.
    #[arg(long)]
    pub(crate) faults: bool,
}

/// The size and the outcome of the show.
#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {
    /// How many viewers take part: four in five are entitled.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(25..=500))]
    pub(crate) viewers: u32,
    /// How many questions the quiz has.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) questions: u32,
    /// Seeds the generator that draws the viewers' choices.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write a report of the show to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Leave everything running after the show, until Ctrl-C.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Broadcast this file in a loop instead of the test clip.
    #[arg(long, value_name = "FILE")]
    pub(crate) video: Option<PathBuf>,
}

/// How long, and for how many.
#[derive(Debug, Clone, Args)]
pub(crate) struct Soak {
    /// How long cues are put into the video.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(10..=86_400))]
    pub(crate) seconds: u64,
    /// How many players watch; every other one follows announced segments.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=500))]
    pub(crate) players: u32,
    /// How many cues are put a second.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5))]
    pub(crate) cues_per_second: u32,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// How long, and drawn from what.
#[derive(Debug, Clone, Args)]
pub(crate) struct Chaos {
    /// What everything random is drawn from: the same seed draws the same answers and faults.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How long questions are asked; each takes 30 seconds. Viewers are signed in for an hour.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3_000))]
    pub(crate) seconds: u64,
    /// How many viewers answer each question.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub(crate) viewers: u32,
    /// Write the report to this file, as JSON.
    ///
    /// `sent`: answers, each once however often its request was sent; `acknowledged`: those of which
    /// viewers were told that they count; `faults.throttled`: calls that were throttled, failed, held up or unanswered;
    /// `faults.late`: answers sent in the last 0.4 s or after it.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// What is run of the checks and tests.
#[derive(Debug, Clone, Args)]
pub(crate) struct Test {
    /// Leave out `lint`.
    #[arg(long)]
    pub(crate) no_lint: bool,
    /// Run only these tests, and no `lint`.
    #[arg(long, value_enum, value_name = "PART")]
    pub(crate) only: Option<Part>,
    /// Run only the tests in Rust whose names contain one of these.
    #[arg(value_name = "FILTER", conflicts_with = "only")]
    pub(crate) filters: Vec<String>,
}

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The tests in Rust, against the local cloud.
    Rust,
    /// The tests of the page's parts, which need neither cloud nor browser.
    Page,
    /// The page in a real browser, against the local cloud.
    Browser,
}

/// What is measured.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Bench {
    /// How fast answers are taken and counted.
    ///
    /// Measures answers through the handler and the stream's records through the live tally, on one
    /// core; the final tally and the leaderboard of up to a million answers, on two, with their
    /// memory; their recording; and the whole function that takes answers beside the same in Python and Node, each
    /// driven over the Lambda Runtime API. DynamoDB is answered from memory or by a stub. Writes the
    /// results into docs/benchmarks.md. Fails when the handler takes fewer than 10,000 answers per
    /// second, the function fewer than 5 times what the better of the others does, each in the time
    /// that it has a core, or a million answers are not tallied and ranked in three seconds.
    Answers(Figures),
    /// How long a cue takes from PutMetadata to the viewer's page.
    ///
    /// Broadcasts to a channel with low latency and to one with normal latency, plays both in a
    /// browser with the Amazon IVS player, and sends cues to each. Fails when half of the cues take
    /// longer than 1.5 seconds with low latency.
    Cues(Figures),
    /// How long a revocation takes from the event on the bus to the last piece of video served.
    ///
    /// Brings the local cloud up; viewers play with real tokens and are revoked one after the other
    /// while the others go on. Then each is granted anew: the new token must play, the old one must
    /// stay refused. Writes the results into docs/benchmarks.md. Fails when a revoked viewer was
    /// served for five seconds or longer.
    Revocations(Revocations),
    /// How fast playback tokens are issued.
    ///
    /// Measures the token handler beside the bare signature, and the whole function beside the same
    /// in Python and Node, each driven over the Lambda Runtime API with its AWS calls answered by a
    /// stub. Writes the results into docs/benchmarks.md. Fails when the handler reaches less than
    /// 0.90 of the bare signing rate, or the function less than 3 times what the better of the others
    /// does, each in the time that it has a core.
    Tokens(Figures),
}

/// How many viewers, and where the figures go.
#[derive(Debug, Clone, Args)]
pub(crate) struct Revocations {
    /// How many viewers play.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) viewers: u32,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Where the figures go.
#[derive(Debug, Clone, Args)]
pub(crate) struct Figures {
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Which audience, and where the outcome goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Simulate {
    /// How many watch, and answer.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) audience: u32,
    /// How long they have to answer, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(5..=120))]
    pub(crate) window: u32,
    /// How many questions the quiz has.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) questions: u32,
    /// What everything random is drawn from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Draw a picture of it, as SVG: who tapped, was accepted, turned away and counted, over time.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Instead, play all audiences of docs/capacity.md and write its tables.
    #[arg(long, conflicts_with_all = ["plot", "json"])]
    pub(crate) document: bool,
    /// Instead, write the tables of docs/cost.md.
    #[arg(long, conflicts_with_all = ["plot", "json", "document"])]
    pub(crate) costs: bool,
    /// Further options of the program `simulator`, which its --help tells, e.g. `-- --shards 800`.
    #[arg(last = true, value_name = "OPTION")]
    pub(crate) further: Vec<String>,
}

/// What is checked.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Lint {
    /// Also check the dependencies against the database of security advisories, which is fetched
    /// from the network.
    #[arg(long)]
    pub(crate) advisories: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_command_has_help() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for sub in command.get_subcommands() {
            assert!(sub.get_about().is_some(), "{} has no help", sub.get_name());
        }
    }

    #[test]
    fn a_show_has_at_least_25_viewers() {
        let parse = |viewers| Arguments::try_parse_from(["xtask", "demo", "--viewers", viewers]);
        assert!(parse("24").is_err());
        assert!(parse("25").is_ok());
    }
}
