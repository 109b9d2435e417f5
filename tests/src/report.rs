//! The sum of a show, and whether every number in it is right.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};
use serde::Serialize;

/// What came of a show. The form of `--report FILE`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `completed`, or `failed` when any number is wrong.
    pub status: &'static str,
    /// How many people came, and what became of them.
    pub viewers: Viewers,
    /// The tallies, question by question.
    pub questions: Vec<Question>,
    /// The best of the show.
    pub leaderboard: Leaderboard,
    /// From PutMetadata to the cue in a viewer's hands, in milliseconds, over all viewers and cues.
    pub cue_latency_ms: Latency,
    /// The states that the saga went through.
    pub saga: Vec<String>,
    /// How many messages each dead-letter queue holds.
    pub dead_letters: BTreeMap<String, u64>,
    /// How long the show took.
    pub seconds: f64,
    /// What is wrong; empty when the show went right.
    pub problems: Vec<String>,
}

/// How many people came, and what became of them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Viewers {
    pub total: usize,
    pub entitled: usize,
    pub played: usize,
    pub refused_token: usize,
    pub refused_video: usize,
}

/// How many chose each option, by four ways of knowing.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The question.
    pub question_id: String,
    /// What the viewers sent and saw accepted.
    pub sent: Vec<u64>,
    /// What the stream counted.
    pub live: Vec<u64>,
    /// What the saga counted after the window.
    #[serde(rename = "final")]
    pub tallied: Vec<u64>,
    /// What came out of the video.
    pub in_video: Vec<u64>,
    /// What the seed says it must be.
    #[serde(skip)]
    pub expected: Vec<u64>,
}

/// The best of the show, by two ways of knowing.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaderboard {
    /// Worked out here from the answers that were accepted and the published rule.
    pub computed: Vec<(String, u64)>,
    /// What came out of the video.
    pub in_video: Vec<(String, u64)>,
}

/// Milliseconds.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub p50: i64,
    pub max: i64,
}

impl Latency {
    /// The median and the greatest of some latencies; zero when there are none.
    pub fn of(mut latencies: Vec<i64>) -> Self {
        latencies.sort_unstable();
        let p50 = latencies
            .get(latencies.len() / 2)
            .copied()
            .unwrap_or_default();
        Self {
            p50,
            max: latencies.last().copied().unwrap_or_default(),
        }
    }
}

impl Report {
    /// Looks at every number, and sets the status.
    #[must_use]
    pub fn judged(mut self) -> Self {
        let mut wrong = Vec::new();
        let Viewers {
            total,
            entitled,
            played,
            refused_token,
            refused_video,
        } = self.viewers;
        let others = total - entitled;
        let mut check = |what: &str, is: usize, should: usize| {
            if is != should {
                wrong.push(format!("{what}: {is} instead of {should}"));
            }
        };
        check("viewers who played and answered", played, entitled);
        check("viewers who were refused a token", refused_token, others);
        check("viewers who were refused the video", refused_video, others);
        for question in &self.questions {
            let Question {
                question_id,
                expected,
                ..
            } = question;
            let counts = [
                ("sent", &question.sent),
                ("live tally", &question.live),
                ("final tally", &question.tallied),
                ("in the video", &question.in_video),
            ];
            for (what, is) in counts {
                if is != expected {
                    wrong.push(format!(
                        "{question_id}, {what}: {is:?} instead of {expected:?}"
                    ));
                }
            }
        }
        let Leaderboard { computed, in_video } = &self.leaderboard;
        if computed != in_video || computed.is_empty() {
            wrong.push(format!(
                "the leaderboard in the video: {in_video:?} instead of {computed:?}"
            ));
        }
        if self.questions.is_empty() {
            wrong.push("no question was asked".to_owned());
        }
        if self.saga.last().map(String::as_str) != Some("Completed") {
            wrong.push(format!("the saga ended in {:?}", self.saga.last()));
        }
        if self.dead_letters.is_empty() {
            wrong.push("no dead-letter queue was looked into".to_owned());
        }
        for (queue, count) in &self.dead_letters {
            if *count > 0 {
                wrong.push(format!("{queue} holds {count} messages"));
            }
        }
        self.problems.extend(wrong);
        self.status = if self.problems.is_empty() {
            "completed"
        } else {
            "failed"
        };
        self
    }

    /// The report as a table for people.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        let Viewers {
            total,
            entitled,
            played,
            refused_token,
            refused_video,
        } = self.viewers;
        let counts = |counts: &[u64]| {
            counts
                .iter()
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        table.add_row(["viewers", &format!("{total}, {entitled} of them entitled")]);
        table.add_row(["played and answered", &played.to_string()]);
        table.add_row([
            "refused token / video",
            &format!("{refused_token} / {refused_video}"),
        ]);
        for question in &self.questions {
            let Question {
                question_id,
                sent,
                live,
                tallied,
                in_video,
                ..
            } = question;
            let by = [
                ("sent", sent),
                ("live", live),
                ("final", tallied),
                ("in the video", in_video),
            ];
            let by = by.map(|(what, tally)| format!("{}  {what}", counts(tally)));
            table.add_row([question_id.as_str(), &by.join("\n")]);
        }
        let best = self.leaderboard.in_video.iter().take(3);
        let best: Vec<_> = best
            .map(|(name, points)| format!("{points:>5}  {name}"))
            .collect();
        table.add_row(["leaderboard in the video", &best.join("\n")]);
        let Latency { p50, max } = self.cue_latency_ms;
        table.add_row([
            "push to viewer",
            &format!("{p50} ms median, {max} ms at most"),
        ]);
        let dead: u64 = self.dead_letters.values().sum();
        table.add_row(["dead letters", &dead.to_string()]);
        table.add_row(["seconds", &format!("{:.0}", self.seconds)]);
        table.add_row(["status", self.status]);
        table.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Report {
        let tally = vec![1, 2, 0, 1];
        let best = vec![("Viewer 01".to_owned(), 900)];
        Report {
            status: "",
            viewers: Viewers {
                total: 5,
                entitled: 4,
                played: 4,
                refused_token: 1,
                refused_video: 1,
            },
            questions: vec![Question {
                question_id: "q1".into(),
                sent: tally.clone(),
                live: tally.clone(),
                tallied: tally.clone(),
                in_video: tally.clone(),
                expected: tally,
            }],
            leaderboard: Leaderboard {
                computed: best.clone(),
                in_video: best,
            },
            cue_latency_ms: Latency::of(vec![3, 1, 2]),
            saga: vec!["ClaimRun".into(), "Completed".into()],
            dead_letters: BTreeMap::from([("a-dlq".into(), 0)]),
            seconds: 1.0,
            problems: vec![],
        }
    }

    #[test]
    fn a_good_show_is_completed() {
        assert_eq!(good().judged().status, "completed");
        assert_eq!(
            (good().cue_latency_ms.p50, good().cue_latency_ms.max),
            (2, 3)
        );
    }

    #[test]
    fn every_wrong_number_fails_the_show() {
        let spoil: [fn(&mut Report); 14] = [
            |report| report.viewers.played = 3,
            |report| report.viewers.refused_token = 0,
            |report| report.viewers.refused_video = 2,
            |report| report.questions[0].sent[0] += 1,
            |report| report.questions[0].live[1] -= 1,
            |report| report.questions[0].tallied = vec![],
            |report| report.questions[0].in_video[3] = 9,
            |report| report.questions.clear(),
            |report| report.leaderboard.in_video[0].1 = 901,
            |report| {
                report.leaderboard = Leaderboard {
                    computed: vec![],
                    in_video: vec![],
                }
            },
            |report| report.saga = vec!["ClaimRun".into(), "Aborted".into()],
            |report| *report.dead_letters.get_mut("a-dlq").unwrap() = 1,
            |report| report.dead_letters.clear(),
            |report| report.problems.push("anything".into()),
        ];
        for (index, spoil) in spoil.iter().enumerate() {
            let mut report = good();
            spoil(&mut report);
            let report = report.judged();
            assert_eq!(report.status, "failed", "number {index}");
            assert_eq!(
                report.problems.len(),
                1,
                "number {index}: {:?}",
                report.problems
            );
        }
    }

    #[test]
    fn the_report_has_the_documented_form() {
        let value = serde_json::to_value(good().judged()).unwrap();
        for pointer in [
            "/status",
            "/viewers/refusedToken",
            "/questions/0/questionId",
            "/questions/0/final",
            "/questions/0/inVideo",
            "/leaderboard/computed/0/1",
            "/cueLatencyMs/p50",
            "/saga/0",
            "/deadLetters/a-dlq",
            "/seconds",
        ] {
            assert!(value.pointer(pointer).is_some(), "{pointer} in {value}");
        }
        assert!(value.pointer("/questions/0/expected").is_none());
    }
}
