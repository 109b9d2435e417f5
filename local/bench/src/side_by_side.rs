//! What is said of functions that were measured side by side: a table, and how it came about.
//!
//! The first function is the one in Rust; the others are what it is beside.

use documents::tables::{markdown, plain};

use crate::whole::{Figures, Plan};

/// What one benchmark's functions do, in words of its own.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// What every event is.
    pub event: &'a str,
    /// What happens while a function starts, in a sentence; may be empty.
    pub cold_start: &'a str,
    /// In what they must agree.
    pub compared: &'a str,
    /// What the others make once and keep.
    pub kept: &'a str,
    /// What the others leave out, in sentences.
    pub left_out: &'a str,
    /// Which services of AWS take time of their own.
    pub services: &'a str,
    /// How many times what the better of the others does the first does at least, on a core.
    pub least_factor: f64,
}

/// The titles of a table, its first row.
pub fn titles<const N: usize>(titles: [&str; N]) -> Vec<String> {
    titles.map(str::to_owned).to_vec()
}

/// How many times the better of the other functions' rate the first one reaches, by the time of a core.
pub fn factor(functions: &[Figures]) -> f64 {
    factor_of(functions, |function| function.per_second)
}

fn factor_of(functions: &[Figures], rate: impl Fn(&Figures) -> f64) -> f64 {
    let mut rates = functions.iter().map(rate);
    let first = rates.next().unwrap_or_default();
    let best = rates.fold(0.0, f64::max);
    match best > 0.0 {
        true => first / best,
        false => 0.0,
    }
}

/// What is to be said when the first does not so many times as much; nothing when it does.
pub fn complaint(functions: &[Figures], least: f64) -> Option<String> {
    let factor = factor(functions);
    (factor < least).then(|| {
        format!(
            "the function in Rust handles {factor:.1} times what the better of the others does on a core: \
             {least:.0} times is the least"
        )
    })
}

fn rows(functions: &[Figures]) -> Vec<Vec<String>> {
    let mut rows = vec![titles([
        "function",
        "cold start",
        "warm p50",
        "warm p99",
        "per second and core",
        "one by one",
        "memory",
    ])];
    rows.extend(functions.iter().map(|function| {
        vec![
            function.name.clone(),
            format!("{:.1} ms", function.cold_start_ms),
            format!("{:.3} ms", function.warm_p50_ms),
            format!("{:.3} ms", function.warm_p99_ms),
            format!("{:.0}", function.per_second),
            format!("{:.0}", function.one_by_one),
            format!("{:.1} MB", function.memory_mb),
        ]
    }));
    rows
}

/// How many times the better of the others' rates the first one's are: by the time of a core, and one
/// by one.
fn factors(functions: &[Figures]) -> (f64, f64) {
    let one_by_one = factor_of(functions, |function| function.one_by_one);
    (factor(functions), one_by_one)
}

/// The figures for a terminal.
pub fn table(functions: &[Figures]) -> String {
    let (on_a_core, one_by_one) = factors(functions);
    format!(
        "{}\n\nThe whole function in Rust: {on_a_core:.1} times the better of the others on a core, \
         {one_by_one:.1} times one by one.\n",
        plain(&rows(functions))
    )
}

/// The part of a benchmark's section that is about whole functions. `versions` are sentences about
/// what the others run on.
pub fn section(
    functions: &[Figures],
    plan: Plan,
    versions: &[String],
    words: &Words<'_>,
) -> String {
    let table = markdown(&rows(functions));
    let (on_a_core, one_by_one) = factors(functions);
    let versions: Vec<String> = versions.iter().map(|text| format!("- {text}\n")).collect();
    let versions = versions.concat();
    let Words {
        event,
        cold_start,
        compared,
        kept,
        left_out,
        services,
        least_factor,
    } = words;
    format!(
        "### The whole function beside the same in Python and Node

{table}

Each function is a process of its own, driven over the Lambda Runtime API on this machine, one event at a
time, as an execution environment of Lambda is. Every event is {event}.
The functions take turns, and the one that has its turn
has a core to itself. On another one, if the machine has it, are the driver and a stub that answers the calls
to AWS from memory; neither sleeps meanwhile. Before anything is measured, all three get the same requests,
good and bad, and must give {compared}.

- *Cold start*: from the start of the process to its first poll for an event, the median of {starts}
  processes. {cold_start} The programs were read from disk before.
- *Warm p50, p99*: from the event being handed over until the response was in.
- *Per second and core*: in the time that the function had a core, all its threads together. While it waits, for the
  driver or for what plays AWS, the core is free for another environment, and the time is not counted. The function
  in Rust handles {on_a_core:.1} times what the better of the others does; {least_factor:.0} times is the least accepted.
- *One by one*: events per second, one after the other, the waiting included; the median of {rounds} turns. The clock
  stands while the driver makes an event. The function in Rust handles {one_by_one:.1} times what the better of the others does.
- *Memory*: the most that was resident, in MB of 1,048,576 bytes.

The other two are written as careful users would: {kept}. They are in `local/bench/functions/`.
{left_out} For Node the loop over the Runtime API is written out, because AWS's client for it has to be compiled
from C++; for Python it is AWS's own. Neither is bundled or pre-compiled. The function in Rust is the program
that every command here builds, with the profile `lambda`: the libraries under every call optimised
(`opt-level = 3`), our own code by what it is worth (1 to 3), the generated clients of AWS hardly (1), nothing across crates.

{versions}
**What this does not say.** On AWS, {services} some milliseconds each, which are the same
for every language and more than what is measured here. A cold start there also fetches the code and starts
the environment. So these figures say how much of a function's time and memory is its own doing, which is
what is billed on top of the waiting, and nothing about what a viewer waits for in all.
",
        starts = plan.cold_starts,
        rounds = plan.rounds,
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Functions in Rust, Python and Node at these rates.
    pub(crate) fn functions(rates: [f64; 3]) -> Vec<Figures> {
        let figures = |(name, per_second): (&str, f64)| Figures {
            name: name.to_owned(),
            cold_start_ms: 7.0,
            warm_p50_ms: 0.4,
            warm_p99_ms: 0.9,
            per_second,
            cpu_ms: 0.3,
            one_by_one: per_second / 2.0,
            memory_mb: 12.5,
        };
        let named = ["rust", "python", "node"].into_iter().zip(rates);
        named.map(figures).collect()
    }

    #[test]
    fn the_first_is_measured_by_the_better_of_the_others() {
        assert_eq!(complaint(&functions([900.0, 100.0, 300.0]), 3.0), None);
        let low = complaint(&functions([899.0, 300.0, 100.0]), 3.0);
        assert!(low.is_some_and(|text| text.contains("3.0 times")));
        // Waiting does not count.
        let mut waiting = functions([900.0, 100.0, 300.0]);
        waiting[0].one_by_one = 1.0;
        assert_eq!(complaint(&waiting, 3.0), None);
        assert!(complaint(&functions([900.0, 0.0, 0.0]), 3.0).is_some());
    }

    #[test]
    fn each_function_has_a_row_with_all_figures() {
        let text = markdown(&rows(&functions([9.0, 1.0, 2.0])));
        let columns: Vec<_> = text.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(columns, [8; 5]);
    }
}
