//! The page `docs/cost.md`: its tables, written by the command.

use std::path::Path;

use documents::{sections, tables};

use super::{
    Bill, Line, Part, bill, choices,
    model::{question, show},
    prices::{PRICES, Price, READ_ON, Source},
    units::Units,
};
use crate::{house::House, report::number};

/// The audiences of the page.
const AUDIENCES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// How many questions they are asked.
const QUESTIONS: u64 = 12;
/// What the page begins with when there is none yet.
const HEADER: &str = "# What it costs\n";

/// Writes all sections.
///
/// # Errors
/// When the page cannot be read or written.
pub fn write(page: &Path, house: &House) -> anyhow::Result<()> {
    for (name, text) in sections(house, &Units::read()) {
        sections::write(page, HEADER, name, &text)?;
    }
    Ok(())
}

/// Each section by its name.
pub fn sections(house: &House, units: &Units) -> Vec<(&'static str, String)> {
    vec![
        ("million", million(house, units)),
        ("shows", shows(house, units)),
        ("choices", choices_table(house, units)),
        ("units", measured(units)),
        ("prices", prices()),
    ]
}

/// A bill as rows.
pub fn rows(bill: &Bill) -> Vec<Vec<String>> {
    let mut rows = row(["for", "units", "dollars"]);
    rows.extend(bill.lines.iter().map(|line| {
        let units = format!("{} {}", amount(line.units), line.price.unit);
        vec![line.price.name.to_owned(), units, dollars(line.dollars())]
    }));
    rows
}

fn million(house: &House, units: &Units) -> String {
    let bill = bill(&question(house, units, 1_000_000), units);
    let mut rows = rows(&bill);
    rows.extend(row(["**together**", "", &dollars(bill.of(Part::Services))]));
    tables::markdown(&rows)
}

fn shows(house: &House, units: &Units) -> String {
    let bills = AUDIENCES.map(|audience| bill(&show(house, units, audience, QUESTIONS), units));
    let mut titles = vec!["for".to_owned()];
    titles.extend(AUDIENCES.map(|audience| format!("{} viewers", number(audience))));
    let mut rows = vec![titles];
    let of = |name: String, of: &dyn Fn(&Bill) -> f64| {
        let mut row = vec![name];
        row.extend(bills.iter().map(|bill| dollars(of(bill))));
        row
    };
    let lines = |part| bills[0].lines.iter().filter(move |line| line.part == part);
    let line = |line: &Line| of(line.price.name.to_owned(), &|bill| bill.line(&line.price));
    rows.extend(lines(Part::Services).map(line));
    rows.push(of("**services together**".to_owned(), &|bill| {
        bill.of(Part::Services)
    }));
    rows.push(of("services, per thousand viewers".to_owned(), &|bill| {
        let users = bill.lines.iter().find(|line| line.part == Part::SignIn);
        bill.of(Part::Services) * 1_000.0 / users.map_or(1.0, |users| users.units)
    }));
    rows.extend(lines(Part::SignIn).map(line));
    rows.extend(lines(Part::Video).map(line));
    tables::markdown(&rows)
}

fn choices_table(house: &House, units: &Units) -> String {
    let mut rows = row(["what", "how", "dollars", "more than here"]);
    let choices = choices::choices(house, units);
    for choice in &choices {
        let here = choices
            .iter()
            .find(|other| other.ours && other.what == choice.what);
        let more = choice.dollars - here.map_or(0.0, |here| here.dollars);
        let (how, more) = match choice.ours {
            true => (format!("**{}**", choice.way), String::new()),
            false => (choice.way.clone(), dollars(more)),
        };
        rows.push(vec![
            choice.what.to_owned(),
            how,
            dollars(choice.dollars),
            more,
        ]);
    }
    let all = dollars(choices::as_it_is(house, units));
    let text = tables::markdown(&rows);
    format!(
        "{}\n\nAll that a million answers use comes to {all}.",
        text.trim_end()
    )
}

fn measured(units: &Units) -> String {
    let mut rows = row(["part", "calls"]);
    for (part, calls) in &units.calls {
        let calls: Vec<_> = calls
            .iter()
            .map(|(call, count)| format!("{count} × `{call}`"))
            .collect();
        rows.push(vec![part.clone(), calls.join("<br>")]);
    }
    let mut sizes = row(["size", "bytes"]);
    sizes.extend(
        units
            .bytes
            .iter()
            .map(|(what, bytes)| vec![format!("`{what}`"), bytes.to_string()]),
    );
    format!(
        "{}\n\n{}",
        tables::markdown(&rows).trim_end(),
        tables::markdown(&sizes)
    )
}

fn prices() -> String {
    let mut rows = row(["price", "dollars", "for", "source"]);
    rows.extend(PRICES.iter().map(|price| {
        let Price {
            name,
            dollars,
            per,
            unit,
            source,
        } = *price;
        let source = match source {
            Source::Aws(url) => format!("[AWS]({url}), read {READ_ON}"),
            Source::Quoted(url) => format!("[quoted]({url}), read {READ_ON}"),
            Source::NotVerified => "**not verified**".to_owned(),
        };
        vec![
            name.to_owned(),
            dollars.to_string(),
            format!("{} {unit}", amount(per)),
            source,
        ]
    }));
    tables::markdown(&rows)
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<Vec<String>> {
    vec![cells.map(str::to_owned).to_vec()]
}

/// An amount of dollars: to the cent from a dollar on, and to a hundredth of one below.
pub fn dollars(amount: f64) -> String {
    let (sign, amount) = match amount < 0.0 {
        true => ("-", -amount),
        false => ("", amount),
    };
    let text = match amount >= 1.0 {
        true => {
            let cents = (amount * 100.0).round() as u64;
            format!("{}.{:02}", number(cents / 100), cents % 100)
        }
        false => format!("{amount:.4}"),
    };
    format!("{sign}{text}")
}

/// A count, with decimals only where it is small.
fn amount(units: f64) -> String {
    match units >= 100.0 || units.fract() == 0.0 {
        true => number(units.round() as u64),
        false => format!("{units:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/cost.md");

    #[test]
    fn the_page_says_what_is_computed() {
        for (name, text) in sections(&House::read(), &Units::read()) {
            let there = sections::read(PAGE, name);
            let hint = "`cargo xtask simulate --costs` writes it";
            assert_eq!(there, Some(text.trim()), "section {name}: {hint}");
        }
    }

    #[test]
    fn dollars_and_amounts_are_written_plainly() {
        let written = [0.004_168, 1.0, 1_234.567, -2.0].map(dollars);
        assert_eq!(written, ["0.0042", "1.00", "1,234.57", "-2.00"]);
        assert_eq!([0.25, 3.0, 8_123.4].map(amount), ["0.250", "3", "8,123"]);
    }
}
