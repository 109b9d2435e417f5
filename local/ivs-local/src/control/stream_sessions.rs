//! Stream sessions: what was on air on a channel, and what happened to it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::arn::Kind;
use crate::history::{Ingest, StreamEvent, StreamSession};

use super::page::{self, Wanted};
use super::streams::time;
use super::{ApiError, Caller, Reply, channels, validate};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetStreamSession {
    channel_arn: String,
    stream_id: Option<String>,
}

pub(super) fn get(app: &App, _: &Caller, input: GetStreamSession) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.channel_arn)?;
    if let Some(id) = &input.stream_id {
        stream_id(id)?;
    }
    app.catalog().channel(&input.channel_arn)?;
    let session = app
        .history()
        .of(&input.channel_arn)
        .find(|session| {
            let wanted = input.stream_id.as_ref();
            wanted.is_none_or(|id| session.stream_id == *id)
        })
        .cloned();
    let session = session
        .ok_or_else(|| ApiError::NotFound("the channel has no such stream session".into()))?;
    Reply::json(json!({ "streamSession": whole(app, &session) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListStreamSessions {
    channel_arn: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summaries {
    stream_sessions: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn list(app: &App, _: &Caller, input: ListStreamSessions) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.channel_arn)?;
    app.catalog().channel(&input.channel_arn)?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token,
        limit: 100,
        default: 100,
    };
    // Pages are cut in ascending order: count down, so that the newest comes first.
    let history = app.history();
    let sessions = history.of(&input.channel_arn).map(|session| {
        let place = format!("{:020}", u64::MAX - session.number);
        (place, summary(session))
    });
    let page = page::cut(sessions, |(place, _)| place, wanted)?;
    Reply::json(Summaries {
        stream_sessions: page.items.into_iter().map(|(_, summary)| summary).collect(),
        next_token: page.next_token,
    })
}

/// `st-` and 23 letters and digits.
fn stream_id(id: &str) -> Result<(), ApiError> {
    let allowed = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if id.len() == 26 && id.strip_prefix("st-").is_some_and(allowed) {
        return Ok(());
    }
    Err(ApiError::Validation(
        "streamId must match st-[a-zA-Z0-9]+ and have 26 characters".into(),
    ))
}

/// `StreamSessionSummary` of the service model. Nothing here is an error event: those are quotas
/// that are broken and recordings that fail.
fn summary(session: &StreamSession) -> Value {
    let mut summary = json!({
        "streamId": session.stream_id,
        "startTime": time(session.started),
        "hasErrorEvent": false,
    });
    if let Some(ended) = session.ended {
        summary["endTime"] = json!(time(ended));
    }
    summary
}

/// `StreamSession` of the service model.
fn whole(app: &App, session: &StreamSession) -> Value {
    let mut whole = json!({
        "streamId": session.stream_id,
        "startTime": time(session.started),
        "channel": channels::whole(app, &session.channel),
        "truncatedEvents": session.events.iter().rev().map(event).collect::<Vec<_>>(),
    });
    if let Some(ended) = session.ended {
        whole["endTime"] = json!(time(ended));
    }
    let (video, audio) = (video(&session.ingest), audio(&session.ingest));
    let (videos, audios) = (
        video.clone().map(|video| track(video, "avc")),
        audio.clone().map(|audio| track(audio, "")),
    );
    whole["ingestConfigurations"] = json!({
        "videoConfigurations": Vec::from_iter(videos),
        "audioConfigurations": Vec::from_iter(audios),
    });
    let mut configuration = Map::new();
    configuration.extend(video.map(|video| ("video".to_owned(), video)));
    configuration.extend(audio.map(|audio| ("audio".to_owned(), audio)));
    whole["ingestConfiguration"] = Value::Object(configuration);
    whole
}

fn event(event: &StreamEvent) -> Value {
    json!({
        "name": event.name.as_str(),
        "type": event.name.detail_type(),
        "eventTime": time(event.at),
    })
}

/// The form of a configuration in the list of tracks: without the deprecated fields, which start
/// with `old`.
fn track(mut configuration: Value, old: &str) -> Value {
    if let Some(fields) = configuration.as_object_mut() {
        for (name, value) in fields.iter_mut() {
            if !old.is_empty() && name.starts_with(old) {
                *value = json!("");
            }
        }
    }
    configuration
}

/// `VideoConfiguration` of the service model, with what the publisher told.
fn video(ingest: &Ingest) -> Option<Value> {
    let codec = ingest.video_codec.as_deref()?;
    let (profile, level) = profile_and_level(codec);
    let mut video = json!({
        "codec": codec,
        "avcProfile": profile,
        "avcLevel": level,
        "profile": profile,
        "level": level,
        "encoder": ingest.encoder.as_deref().unwrap_or_default(),
        "track": "Track0",
    });
    if let Some((width, height)) = ingest.resolution {
        video["videoWidth"] = json!(width);
        video["videoHeight"] = json!(height);
    }
    if let Some(rate) = ingest.frame_rate {
        video["targetFramerate"] = json!(rate.round() as u32);
    }
    if let Some(rate) = ingest.video_bitrate {
        video["targetBitrate"] = json!(rate);
    }
    Some(video)
}

/// `AudioConfiguration` of the service model, with what the publisher told.
fn audio(ingest: &Ingest) -> Option<Value> {
    let mut audio = json!({ "codec": ingest.audio_codec.as_deref()?, "track": "Track0" });
    let numbers = [
        ("targetBitrate", ingest.audio_bitrate),
        ("sampleRate", ingest.sample_rate),
        ("channels", ingest.audio_channels),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            audio[name] = json!(number);
        }
    }
    Some(audio)
}

/// Names of what `avc1.PPCCLL` says (ITU-T H.264, annex A).
fn profile_and_level(codec: &str) -> (&'static str, String) {
    let byte = |from: usize| {
        let digits = codec.get(from..from + 2).unwrap_or_default();
        u8::from_str_radix(digits, 16).unwrap_or_default()
    };
    let profile = match byte(5) {
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 => "High",
        110 => "High 10",
        122 => "High 4:2:2",
        244 => "High 4:4:4 Predictive",
        _ => "",
    };
    let level = byte(9);
    (profile, format!("{}.{}", level / 10, level % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_and_levels_have_their_names() {
        assert_eq!(profile_and_level("avc1.42c02a"), ("Baseline", "4.2".into()));
        assert_eq!(profile_and_level("avc1.640028"), ("High", "4.0".into()));
        assert_eq!(profile_and_level("avc1"), ("", "0.0".into()));
    }

    #[test]
    fn stream_ids_are_those_of_the_model() {
        assert!(stream_id("st-1H1qnpHC5jG2ZsVhSLMh3sC").is_ok());
        for wrong in [
            "",
            "st-",
            "st-1",
            "xx-1H1qnpHC5jG2ZsVhSLMh3sC",
            "st-1H1qnpHC5jG2ZsVhSLMh3s_",
        ] {
            assert!(stream_id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_track_has_no_deprecated_fields() {
        let ingest = Ingest {
            video_codec: Some("avc1.640028".into()),
            ..Ingest::default()
        };
        let whole = video(&ingest).unwrap();
        assert_eq!(whole["avcProfile"], "High");
        let track = track(whole, "avc");
        assert_eq!(
            (&track["avcProfile"], &track["profile"]),
            (&json!(""), &json!("High"))
        );
    }
}
