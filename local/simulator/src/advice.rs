//! What has to be raised beforehand, and to what.
//!
//! What is needed is what an audience asks for when nothing is in its way. With a tenth on top it is
//! what is asked of AWS.

use serde::Serialize;

use crate::{
    after::{self, After},
    ending::{self, Ended},
    house::House,
    limits::{Id, LIMITS, Limits, Raising},
    plan::Plan,
    play::{self, Played},
    usage::Usage,
};

/// The largest audience that is played once more for each limit.
const LARGEST_ONE_BY_ONE: u32 = 1_000_000;
/// What no audience reaches.
const BOUNDLESS: u64 = 1_000_000_000_000;

/// A part of the show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// The audience comes in: it signs in, gets its tokens, and begins to watch.
    Joining,
    /// A question is answered.
    Question,
    /// The leaderboard was shown, and everyone asks for their own place.
    End,
}

/// What an audience asks for at some moment, of something that is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// The limit.
    pub id: Id,
    /// When most is asked.
    pub moment: Moment,
    /// How much.
    pub asked: u64,
    /// What the limit is.
    pub is: u64,
    /// What it has to be; none where it cannot be raised.
    pub raise_to: Option<u64>,
}

/// A question, and what came of it.
#[derive(Debug, Clone)]
pub struct Run {
    /// With these limits.
    pub limits: Limits,
    /// While its window was open.
    pub played: Played,
    /// Afterwards.
    pub after: After,
    /// At the end of the show.
    pub ended: Ended,
}

/// What is asked for when nothing is in the way.
struct Demand {
    question: Played,
    end: Ended,
}

/// All that is known of an audience.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The audience.
    pub plan: Plan,
    /// With the limits as they are.
    pub as_is: Run,
    /// With everything raised that can be.
    pub raised: Run,
    /// What is asked for beyond the limits as they are, in the order of the limits.
    pub needs: Vec<Need>,
    /// How many are not answered if everything is raised but this; of more than a million viewers it
    /// is not played.
    pub alone: Vec<(Id, u64)>,
    /// What the whole show does, with everything raised.
    pub usage: Usage,
}

impl Run {
    fn new(plan: &Plan, house: &House, limits: Limits) -> Self {
        let played = play::play(plan, house, &limits);
        let after = after::after(plan, house, &limits, &played);
        let ended = ending::end(plan, house, &limits);
        Self {
            limits,
            played,
            after,
            ended,
        }
    }

    /// When the window closes, in milliseconds after it was opened.
    pub fn closes_at(&self) -> u32 {
        let window = &self.played.window;
        let open = window.closes_at.duration_since(window.opened_at);
        u32::try_from(open.as_millis()).unwrap_or(0)
    }

    /// Viewers whose answer does not count although they gave one.
    pub fn lost(&self) -> u64 {
        lost(&self.played)
    }
}

fn lost(played: &Played) -> u64 {
    played.turned_away.total() + played.late.total()
}

/// Plays a question for this audience: as it is, raised, and for each limit with all others raised.
/// `say` is told what comes next.
pub fn outcome(plan: &Plan, house: &House, say: &mut dyn FnMut(&str)) -> Outcome {
    let limits = Limits::as_they_are(house);
    say("the limits as they are");
    let as_is = Run::new(plan, house, limits.clone());
    say("without any limit");
    let demand = Demand {
        question: play::play(plan, house, &boundless()),
        end: ending::end(plan, house, &boundless()),
    };
    let needs = needs(plan, house, &limits, &demand);
    say("everything raised");
    let raised = needs
        .iter()
        .fold(limits.clone(), |raised, need| match need.raise_to {
            Some(value) => raised.with(need.id, value),
            None => raised,
        });
    let raised = Run::new(plan, house, raised);
    let mut alone = Vec::new();
    for need in &needs {
        if need.raise_to.is_none()
            || !in_the_way_of_answers(need.id)
            || plan.audience > LARGEST_ONE_BY_ONE
        {
            continue;
        }
        say(&format!("everything raised but: {}", need.id.limit().name));
        // A burst follows from its rate.
        let with_it = match need.id {
            Id::StageRate => Id::StageBurst,
            Id::ApiRate => Id::ApiBurst,
            alone => alone,
        };
        let all_but_one = [need.id, with_it]
            .into_iter()
            .fold(raised.limits.clone(), |all, id| {
                all.with(id, limits.get(id))
            });
        let lost = lost(&play::play(plan, house, &all_but_one));
        alone.push((need.id, lost.saturating_sub(raised.lost())));
    }
    let usage = after::usage(plan, house, &raised);
    Outcome {
        plan: *plan,
        as_is,
        raised,
        needs,
        alone,
        usage,
    }
}

pub(crate) fn boundless() -> Limits {
    let all = LIMITS.iter().map(|limit| limit.id);
    all.filter(|id| !matches!(id, Id::Provisioned | Id::StreamBatches))
        .fold(Limits::default(), |limits, id| limits.with(id, BOUNDLESS))
}

fn in_the_way_of_answers(id: Id) -> bool {
    matches!(
        id,
        Id::StageRate
            | Id::ApiRate
            | Id::Concurrency
            | Id::Provisioned
            | Id::TableWrites
            | Id::WarmWrites
    )
}

/// What is asked for beyond these limits.
fn needs(plan: &Plan, house: &House, limits: &Limits, demand: &Demand) -> Vec<Need> {
    let mut asked = asked(plan, house, demand);
    // The highest of each, in the order of the table.
    asked.sort_by_key(|&(_, _, much)| std::cmp::Reverse(much));
    let highest = LIMITS
        .iter()
        .filter_map(|limit| asked.iter().find(|(id, ..)| *id == limit.id));
    highest
        .filter(|(id, _, much)| *much > limits.get(*id))
        .map(|&(id, moment, much)| Need {
            id,
            moment,
            asked: much,
            is: limits.get(id),
            raise_to: match id.limit().raising {
                Raising::Never(_) => None,
                Raising::Asked(_) | Raising::Set(_) => Some(with_margin(much)),
            },
        })
        .collect()
}

fn asked(plan: &Plan, house: &House, demand: &Demand) -> Vec<(Id, Moment, u64)> {
    let audience = u64::from(plan.audience);
    let joining = audience.div_ceil(u64::from(plan.joining_seconds).max(1));
    let busiest = |id| demand.question.meters.get(id).asked.busiest_second();
    let last = |id| demand.end.meters.get(id).asked.busiest_second();
    let at_the_end = last(Id::StageRate);
    let requests = busiest(Id::StageRate);
    let writes = busiest(Id::TableWrites);
    let per_unit = Id::RequestsPerEnvironment.limit().value;
    let at_once = demand.question.meters.get(Id::Concurrency).most;
    let units = |requests: u64| requests.div_ceil(per_unit);
    // What the ramp gives anyway need not be provisioned.
    let beyond_the_ramp = |units: u64| match units > Id::ScalingRate.limit().value {
        true => units,
        false => 0,
    };
    // A stream shard for each partition, and each may have a batch.
    let streams = (2 * writes).div_ceil(Id::PartitionWrites.limit().value);
    let states = house.states(1).len() as u64;
    let (joins, question, end) = (Moment::Joining, Moment::Question, Moment::End);
    vec![
        (Id::SignIns, joins, joining),
        (Id::Views, joins, audience),
        (Id::PutEvents, joins, joining),
        (Id::StageRate, joins, joining),
        (Id::StageRate, question, requests),
        (Id::StageRate, end, at_the_end),
        (Id::StageBurst, question, requests / 2),
        (Id::StageBurst, end, at_the_end / 2),
        (Id::ApiRate, question, requests),
        (Id::ApiRate, end, at_the_end),
        (Id::ApiBurst, question, requests / 2),
        (Id::ApiBurst, end, at_the_end / 2),
        (
            Id::Concurrency,
            question,
            units(requests).max(at_once) + streams,
        ),
        (Id::Concurrency, end, units(at_the_end) + streams),
        (Id::Provisioned, question, beyond_the_ramp(units(requests))),
        (Id::Provisioned, end, beyond_the_ramp(units(at_the_end))),
        (Id::TableWrites, question, writes),
        // Keys do not spread evenly over partitions: with twice as many, few share one.
        (Id::WarmWrites, question, 2 * writes),
        (Id::TableReads, end, last(Id::TableReads)),
        (Id::WarmReads, end, last(Id::WarmReads)),
        (Id::Transitions, question, states),
        (Id::CuesPerChannel, question, 2),
    ]
}

/// A tenth more, as two digits and zeros.
fn with_margin(much: u64) -> u64 {
    let wanted = much + much.div_ceil(10);
    let digits = wanted.checked_ilog10().unwrap_or(0);
    let step = 10_u64.pow(digits.saturating_sub(1));
    wanted.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_aws_is_a_tenth_more_in_two_digits() {
        // 229,000 and a tenth are 251,900; 260,000 are the next two digits and zeros.
        assert_eq!(with_margin(229_000), 260_000);
        assert_eq!(with_margin(9), 10);
        assert_eq!(with_margin(10), 11);
        assert_eq!(with_margin(100), 110);
    }
}
