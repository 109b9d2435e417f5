//! The audience: who comes, who may watch, and what each of them will choose.

use std::time::Duration;

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use stage::{People, Person, Stack, entitlements, upstream};
use uuid::Uuid;

use crate::{api::Api, questions, viewer::Viewer};

/// How many people are made at the same time.
const AT_ONCE: usize = 8;
/// How long an entitlement may take from the event to the table.
const APPLIED_WITHIN: Duration = Duration::from_secs(60);

/// Everyone who comes.
pub struct Audience {
    /// Those who bought a ticket.
    pub entitled: Vec<(Person, Viewer)>,
    /// Those who did not.
    pub others: Vec<(Person, Viewer)>,
}

/// What viewers choose is drawn from the seed, so that the tally is known before the show.
///
/// Returns for each viewer, question by question, the option and how long they think.
pub fn scripts(seed: u64, viewers: usize, questions: usize) -> Vec<Vec<(u32, Duration)>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut part = || {
        let thought = Duration::from_millis(random.u64(200..2_000));
        (random.u32(0..questions::OPTIONS), thought)
    };
    (0..viewers)
        .map(|_| (0..questions).map(|_| part()).collect())
        .collect()
}

/// What the tally of each question must be.
pub fn expected_tally(scripts: &[Vec<(u32, Duration)>], question: usize) -> Vec<u64> {
    let mut counts = vec![0; questions::OPTIONS as usize];
    for script in scripts {
        counts[script[question].0 as usize] += 1;
    }
    counts
}

/// Makes the people in Cognito and signs them in. Nobody is entitled yet.
///
/// # Errors
/// When Cognito refuses.
pub async fn gather(
    stack: &Stack,
    scripts: &[Vec<(u32, Duration)>],
    others: usize,
) -> anyhow::Result<Audience> {
    let api = Api::new(stack.http_client()?, &stack.outputs.api_url);
    let tag = &Uuid::new_v4().simple().to_string()[..8];
    let total = scripts.len() + others;
    let people = stream::iter(0..total).map(|index| {
        let name = format!("Viewer {:02}", index + 1);
        let script = scripts.get(index).cloned().unwrap_or_default();
        let api = &api;
        async move {
            let username = format!("viewer-{tag}-{index:03}@example.com");
            let (person, api) = person(stack, api, &username, &name, false).await?;
            let (http, channel) = (stack.http_client()?, stack.channel.clone());
            anyhow::Ok((
                person,
                Viewer {
                    name,
                    api,
                    http,
                    channel,
                    script,
                },
            ))
        }
    });
    let mut entitled: Vec<_> = people.buffered(AT_ONCE).try_collect().await?;
    let others = entitled.split_off(scripts.len());
    Ok(Audience { entitled, others })
}

/// Makes one person and signs them in.
///
/// # Errors
/// When Cognito refuses.
pub async fn person(
    stack: &Stack,
    api: &Api,
    username: &str,
    name: &str,
    producer: bool,
) -> anyhow::Result<(Person, Api)> {
    let people = People::new(stack)?;
    let password = format!("Cue7-{}", &Uuid::new_v4().simple().to_string()[..12]);
    let person = people
        .create(username, name, &password)
        .await
        .context("making a user")?;
    if producer {
        people.add_to_group(username, "producers").await?;
    }
    let id_token = people
        .sign_in(username, &password)
        .await
        .context("signing in")?;
    Ok((person, api.signed_in(id_token)))
}

/// Makes and signs in somebody of whom nothing else matters.
///
/// # Errors
/// As [`person`].
pub async fn someone(stack: &Stack, producer: bool) -> anyhow::Result<(Person, Api)> {
    let api = Api::new(stack.http_client()?, &stack.outputs.api_url);
    let username = format!("{}@example.com", Uuid::new_v4().simple());
    person(stack, &api, &username, "Someone", producer).await
}

/// Says on the bus, as an upstream app would, that these people are entitled to these channels.
///
/// # Errors
/// When the bus refuses.
pub async fn entitle(stack: &Stack, tickets: &[(&Person, &str)]) -> anyhow::Result<()> {
    let bus = aws_sdk_eventbridge::Client::new(&stack.sdk_config().await);
    for (person, channel_id) in tickets {
        let event_id = Uuid::new_v4().to_string();
        let event =
            upstream::user_entitled(&event_id, Timestamp::now(), &person.user_id, channel_id);
        upstream::put(&bus, &stack.outputs.event_bus_name, "user-entitled", &event).await?;
    }
    Ok(())
}

/// Entitles one person to a channel and waits until that counts.
///
/// # Errors
/// When the bus refuses, or it does not count within a minute.
pub async fn admit(stack: &Stack, user_id: &str, channel_id: &str) -> anyhow::Result<()> {
    let config = stack.sdk_config().await;
    let bus = aws_sdk_eventbridge::Client::new(&config);
    let event_id = Uuid::new_v4().to_string();
    let event = upstream::user_entitled(&event_id, Timestamp::now(), user_id, channel_id);
    upstream::put(&bus, &stack.outputs.event_bus_name, "user-entitled", &event).await?;
    entitlements::applied(
        &aws_sdk_dynamodb::Client::new(&config),
        &stack.outputs.entitlements_table,
        (user_id, channel_id),
        &event_id,
        APPLIED_WITHIN,
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_choices() {
        assert_eq!(scripts(7, 20, 3), scripts(7, 20, 3));
        assert_ne!(scripts(7, 20, 3), scripts(8, 20, 3));
    }

    #[test]
    fn every_viewer_is_in_the_tally_once() {
        let scripts = scripts(1, 20, 3);
        for question in 0..3 {
            assert_eq!(expected_tally(&scripts, question).iter().sum::<u64>(), 20);
        }
    }
}
