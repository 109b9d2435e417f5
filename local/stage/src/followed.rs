//! A question of a run that is watched, from outside. No rule here calls anything.

use serde_json::Value;

/// A question that is watched. It may be asked again: then as `q1-2`, `q1-3`.
#[derive(Debug)]
pub struct Followed {
    /// Its place in the quiz, from 1.
    pub n: usize,
    attempt: u32,
    /// The status that was told last.
    said: Value,
}

impl Followed {
    /// The question at this place, from 1, as it is asked first.
    pub fn new(n: usize) -> Self {
        Self {
            n,
            attempt: 1,
            said: Value::Null,
        }
    }

    /// The id that it is asked under now.
    pub fn id(&self) -> String {
        match self.attempt {
            1 => format!("q{}", self.n),
            attempt => format!("q{}-{attempt}", self.n),
        }
    }

    /// Whether these results of it say something new. One that is voided is looked for anew, under
    /// its next name.
    pub fn is_news(&mut self, results: &Value) -> bool {
        let is_new = self.said != results["status"];
        self.said = results["status"].clone();
        if self.said == "voided" {
            self.attempt += 1;
            self.said = Value::Null;
        }
        is_new
    }

    /// Whether nothing was heard of it yet.
    pub fn is_unheard(&self) -> bool {
        self.said.is_null() && self.attempt == 1
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_that_is_asked_again_is_followed_under_its_next_name() {
        let mut followed = Followed::new(4);
        let mut news = |status: &str| {
            let id = followed.id();
            let is_news = followed.is_news(&json!({ "status": status }));
            (id, is_news)
        };
        let told = [
            "open", "open", "closed", "voided", "open", "tallied", "tallied",
        ]
        .map(&mut news);
        let told: Vec<_> = told.iter().map(|(id, new)| (id.as_str(), *new)).collect();
        let (first, second) = ("q4", "q4-2");
        assert_eq!(
            told,
            [
                (first, true),
                (first, false),
                (first, true),
                (first, true),
                (second, true),
                (second, true),
                (second, false),
            ]
        );
    }
}
