//! What happens when, in the order of time and, within a millisecond, in that of being planned.

use std::mem;

/// Something that happens, to a viewer or to a stream shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A viewer's request reaches the API.
    Asks(u32),
    /// Its environment looks at the window and the clock.
    Looks(u32),
    /// It writes.
    Writes(u32),
    /// It has an answer to the request.
    Told(u32),
    /// Lambda asks a stream shard for records.
    Polls(u32),
    /// The batch's counts are written.
    Counts(u32),
    /// The batch is done.
    Counted(u32),
}

/// Events by millisecond. None may be planned for a time that is over.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    slots: Vec<Vec<Event>>,
    now: u32,
}

impl Wheel {
    pub(super) fn push(&mut self, at: u32, event: Event) {
        let slot = at.max(self.now) as usize;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, Vec::new);
        }
        self.slots[slot].push(event);
    }

    /// What happens next, and when. What is planned meanwhile for the same time comes after it.
    pub(super) fn next(&mut self) -> Option<(u32, Vec<Event>)> {
        let from = self.now as usize;
        let ahead = self.slots.get(from..)?.iter();
        let next = from + ahead.take_while(|slot| slot.is_empty()).count();
        let events = mem::take(self.slots.get_mut(next)?);
        self.now = u32::try_from(next).ok()?;
        Some((self.now, events))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_time() {
        let mut wheel = Wheel::default();
        wheel.push(5, Event::Asks(1));
        wheel.push(3, Event::Asks(2));
        wheel.push(5, Event::Asks(3));
        assert_eq!(wheel.next(), Some((3, vec![Event::Asks(2)])));
        wheel.push(3, Event::Told(2));
        assert_eq!(wheel.next(), Some((3, vec![Event::Told(2)])));
        assert_eq!(
            wheel.next(),
            Some((5, vec![Event::Asks(1), Event::Asks(3)]))
        );
        assert_eq!(wheel.next(), None);
    }
}
