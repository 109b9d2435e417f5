//! An error as the user of a command reads it.

/// What an error and its causes say, in one line. A cause that an error has told already is not
/// told again.
pub fn in_one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        next = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{told}")]
        struct Outer {
            told: &'static str,
            source: std::io::Error,
        }
        let line = |told| {
            let source = std::io::Error::other("no such file");
            in_one_line(&Outer { told, source })
        };
        assert_eq!(line("cannot read it"), "cannot read it: no such file");
        assert_eq!(line("no such file: it"), "no such file: it");
    }
}
