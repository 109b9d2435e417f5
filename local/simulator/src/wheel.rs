//! What happens when, in the order of time and, within a millisecond, in that of being planned.

use std::mem;

/// Events by millisecond. None may be planned for a time that is over.
#[derive(Debug)]
pub(crate) struct Wheel<E> {
    slots: Vec<Vec<E>>,
    now: u32,
}

impl<E> Default for Wheel<E> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            now: 0,
        }
    }
}

impl<E> Wheel<E> {
    pub(crate) fn push(&mut self, at: u32, event: E) {
        let slot = at.max(self.now) as usize;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, Vec::new);
        }
        self.slots[slot].push(event);
    }

    /// What happens next, and when. What is planned meanwhile for the same time comes after it.
    pub(crate) fn next(&mut self) -> Option<(u32, Vec<E>)> {
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
        wheel.push(5, 1);
        wheel.push(3, 2);
        wheel.push(5, 3);
        assert_eq!(wheel.next(), Some((3, vec![2])));
        wheel.push(3, 2);
        assert_eq!(wheel.next(), Some((3, vec![2])));
        assert_eq!(wheel.next(), Some((5, vec![1, 3])));
        assert_eq!(wheel.next(), None);
    }
}
