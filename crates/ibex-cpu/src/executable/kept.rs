//! What is made of a weight and kept as long as the weight: a packed or transformed operand.
//!
//! It is made when a weight is met unchanged for the second time, so that a single run, and the
//! runs of training, which change every weight, pay nothing for it.
//! Must not know: what is kept.

use std::cell::RefCell;

/// Something made of a weight.
#[derive(Debug)]
pub(super) struct Kept<T>(RefCell<State<T>>);

#[derive(Debug)]
enum State<T> {
    /// Nothing was made, and this version was met last.
    Met(Option<u64>),
    /// This was made of this version; nothing, if nothing can be made of it.
    Made(u64, Option<T>),
}

impl<T> Kept<T> {
    /// Nothing yet.
    pub(super) fn new() -> Kept<T> {
        Kept(RefCell::new(State::Met(None)))
    }

    /// Calls `body` with what was made of a weight of this version, if it has been.
    pub(super) fn with<R>(
        &self,
        version: Option<u64>,
        make: impl FnOnce() -> Option<T>,
        body: impl FnOnce(Option<&T>) -> R,
    ) -> R {
        let mut state = self.0.borrow_mut();
        let Some(now) = version else { return body(None) };
        match *state {
            State::Made(made, _) if made == now => {}
            State::Met(Some(met)) if met == now => *state = State::Made(now, make()),
            _ => *state = State::Met(version),
        }
        match &*state {
            State::Made(_, made) => body(made.as_ref()),
            State::Met(_) => body(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_at_the_second_meeting_and_again_when_the_weight_has_changed() {
        let kept = Kept::new();
        let made = RefCell::new(0);
        let run = |version| {
            let make = || {
                *made.borrow_mut() += 1;
                Some(*made.borrow())
            };
            kept.with(version, make, |value| value.copied())
        };
        let versions = [Some(1), Some(1), Some(1), Some(2), Some(3), Some(3), None, None, Some(3)];
        let found: Vec<Option<i32>> = versions.into_iter().map(run).collect();
        assert_eq!(found, [None, Some(1), Some(1), None, None, Some(2), None, None, Some(2)]);
        assert_eq!(*made.borrow(), 2);
    }
}
