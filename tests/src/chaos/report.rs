//! The judgement of chaos.

use serde::Serialize;

use crate::chaos::{Plan, Round, crowd::MOMENT, ledger::Difference, trouble::Happened};

/// What one question has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The question, by run and id.
    pub about: String,
    /// The viewers who sent an answer.
    pub sent: u64,
    /// Those among them who were told that theirs counts.
    pub acknowledged: u64,
    /// The sum of the final tally.
    pub tallied: u64,
    /// How the final tally differs from what viewers were told.
    pub difference: Difference,
    /// Whether the live tally is the final one, once the stream has drained.
    pub live_equals_final: bool,
    /// The answers that were sent in the last moment or later.
    pub late: u64,
    /// What was wrong, in words.
    pub problems: Vec<String>,
}

impl Verdict {
    /// Judges a round whose viewers were all told, by the live tally in the end.
    pub fn new(round: &Round, live: &[u64]) -> Self {
        let Round {
            question,
            ledger,
            counts,
            ..
        } = round;
        let expected = ledger.expected();
        let difference = Difference::of(&expected, counts);
        let about = format!("{} of run {}", question.id, question.run.run_id);
        let mut problems: Vec<_> = ledger
            .contradictions
            .iter()
            .map(|said| format!("{about}: {said}"))
            .collect();
        if difference != Difference::default() {
            problems.push(format!(
                "{about}: viewers were told {expected:?}, the final tally is {counts:?}"
            ));
        }
        if live != counts {
            problems.push(format!(
                "{about}: the live tally stays {live:?}, the final one is {counts:?}"
            ));
        }
        Self {
            about,
            sent: ledger.sent(),
            acknowledged: ledger.acknowledged(),
            tallied: counts.iter().sum(),
            difference,
            live_equals_final: live == counts,
            late: ledger.sent_since(question.closes_at - MOMENT),
            problems,
        }
    }
}

/// What has failed, and how often answers were late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// What was made to fail.
    #[serde(flatten)]
    pub happened: Happened,
    /// Answers were sent in the last moment or later.
    pub late: u64,
}

/// What a run of chaos has shown. Its JSON is the report file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What everything random was drawn from.
    pub seed: u64,
    /// The answers that were sent; each once, however often its request was.
    pub sent: u64,
    /// The answers that a viewer was told count.
    pub acknowledged: u64,
    /// The answers in the final tallies.
    pub tallied: u64,
    /// Acknowledged answers that are in no tally.
    pub lost: u64,
    /// Answers in a tally that were not acknowledged, or are in it again.
    pub double: u64,
    /// Whether every live tally was the final one in the end.
    pub live_equals_final: bool,
    /// What has happened meanwhile.
    pub faults: Faults,
    /// What was wrong, in words.
    #[serde(skip)]
    pub problems: Vec<String>,
}

impl Report {
    /// Nothing has happened yet.
    pub fn new(plan: &Plan) -> Self {
        Self {
            seed: plan.seed,
            sent: 0,
            acknowledged: 0,
            tallied: 0,
            lost: 0,
            double: 0,
            live_equals_final: true,
            faults: Faults::default(),
            problems: Vec::new(),
        }
    }

    /// Adds something that is wrong.
    pub fn problem(&mut self, what: String) {
        self.problems.push(what);
    }

    /// Adds what happened during a question.
    pub fn count(&mut self, happened: Happened) {
        self.faults.happened += happened;
    }

    /// Adds what a question has shown.
    pub fn add(&mut self, verdict: Verdict) {
        self.sent += verdict.sent;
        self.acknowledged += verdict.acknowledged;
        self.tallied += verdict.tallied;
        self.lost += verdict.difference.lost;
        self.double += verdict.difference.double;
        self.live_equals_final &= verdict.live_equals_final;
        self.faults.late += verdict.late;
        self.problems.extend(verdict.problems);
    }

    /// Finds fault with a run that has shown nothing: hardly an answer counted, or nothing failed.
    pub fn ask_for_trouble(&mut self) {
        if self.acknowledged * 10 < self.sent {
            let (acknowledged, sent) = (self.acknowledged, self.sent);
            self.problems.push(format!(
                "only {acknowledged} of {sent} answers were acknowledged: it shows little"
            ));
        }
        let Faults { happened, late } = self.faults;
        let Happened {
            killed,
            redelivered,
            throttled,
        } = happened;
        let kinds = [
            ("was killed", killed),
            ("was delivered again", redelivered),
            ("was refused or lost", throttled),
            ("was late", late),
        ];
        let never = kinds.iter().filter(|(_, times)| *times == 0);
        let never = never.map(|(what, _)| format!("nothing {what}: it shows little"));
        self.problems.extend(never);
    }

    /// What a reader wants to know.
    pub fn lines(&self) -> Vec<String> {
        let Faults { happened, late } = self.faults;
        let Happened {
            killed,
            redelivered,
            throttled,
        } = happened;
        vec![
            format!("  answers sent             {}", self.sent),
            format!("  acknowledged             {}", self.acknowledged),
            format!("  in the final tallies     {}", self.tallied),
            format!("  lost, double             {}, {}", self.lost, self.double),
            format!("  live equals final        {}", self.live_equals_final),
            format!("  functions killed         {killed}"),
            format!("  batches delivered again  {redelivered}"),
            format!("  calls refused or lost    {throttled}"),
            format!("  answers at the last moment or later  {late}"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::{
        api::RunPath,
        chaos::{
            crowd::Part,
            ledger::{Ledger, Said},
            question::Question,
        },
    };

    use super::*;

    /// Long before the question closes.
    const BEFORE: Timestamp = Timestamp::MIN;

    fn round(accepted: &[u32], counts: &[u64]) -> Round {
        let mut ledger = Ledger::default();
        for (viewer, choice) in accepted.iter().enumerate() {
            let said = Said::Accepted(Timestamp::UNIX_EPOCH);
            ledger.note_sent(&viewer.to_string(), BEFORE);
            ledger.note(&viewer.to_string(), *choice, said);
        }
        let run = RunPath {
            quiz_id: "quiz".to_owned(),
            run_id: "run".to_owned(),
        };
        Round {
            question: Question {
                run,
                id: "q1".to_owned(),
                opened_at: Timestamp::UNIX_EPOCH,
                closes_at: Timestamp::UNIX_EPOCH,
                tally_at: Timestamp::UNIX_EPOCH,
            },
            parts: accepted.iter().map(|choice| Part::plain(*choice)).collect(),
            ledger,
            counts: counts.to_vec(),
        }
    }

    fn report(rounds: &[(Round, &[u64])]) -> Report {
        let plan = Plan {
            seed: 7,
            seconds: 10,
            viewers: 3,
        };
        let mut report = Report::new(&plan);
        for (round, live) in rounds {
            report.add(Verdict::new(round, live));
        }
        report
    }

    #[test]
    fn what_is_right_has_no_problem() {
        let report = report(&[(round(&[0, 2, 2], &[1, 0, 2, 0]), &[1, 0, 2, 0])]);
        assert_eq!(report.problems, Vec::<String>::new());
        assert_eq!((report.acknowledged, report.tallied), (3, 3));
    }

    #[test]
    fn a_lost_a_double_and_a_live_answer_too_many_are_problems() {
        let lost = (round(&[0, 2], &[0, 0, 1, 0]), &[0, 0, 1, 0][..]);
        let double = (round(&[0, 2], &[2, 0, 1, 0]), &[2, 0, 1, 0][..]);
        let live = (round(&[0, 2], &[1, 0, 1, 0]), &[2, 0, 1, 0][..]);
        let report = report(&[lost, double, live]);
        assert_eq!((report.lost, report.double), (1, 1));
        assert!(!report.live_equals_final);
        assert_eq!(report.problems.len(), 3, "{:?}", report.problems);
    }

    #[test]
    fn a_run_that_shows_nothing_is_a_problem() {
        let mut report = report(&[(round(&[0], &[1, 0, 0, 0]), &[1, 0, 0, 0])]);
        report.ask_for_trouble();
        assert_eq!(report.problems.len(), 4, "{:?}", report.problems);
        report.problems.clear();
        let happened = Happened {
            killed: 1,
            redelivered: 1,
            throttled: 1,
        };
        report.faults = Faults { happened, late: 1 };
        report.ask_for_trouble();
        assert_eq!(report.problems, Vec::<String>::new());
        report.sent = 11;
        report.ask_for_trouble();
        assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    }

    #[test]
    fn the_file_has_the_agreed_form() {
        let report = report(&[(round(&[1], &[0, 1, 0, 0]), &[0, 1, 0, 0])]);
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            serde_json::json!({
                "seed": 7, "sent": 1, "acknowledged": 1, "tallied": 1, "lost": 0, "double": 0,
                "liveEqualsFinal": true,
                "faults": {"killed": 0, "redelivered": 0, "throttled": 0, "late": 0},
            })
        );
    }
}
