//! The wall clock, made so that it never goes back.
//!
//! If somebody sets the clock back, holds last too long and nobody can buy their seats. So time follows
//! the monotonic clock and approaches the wall clock: a hundredth slower while ahead, in one step when
//! behind.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

/// A step forward beyond this is not believed at once.
const BELIEVED: i64 = 60 * SECOND;
/// How long a greater step must stay.
const STANDS: Duration = Duration::from_secs(10);
/// A step of this size or more is logged.
const WORTH_A_LINE: i64 = SECOND;
/// The part of the passing time that is given up while the clock is ahead: it runs at 0.99 of its speed.
const GIVEN_UP: i64 = 100;
const SECOND: i64 = 1_000_000_000;

/// A clock that never goes back within its life. Times are nanoseconds since 1970.
#[derive(Debug)]
pub struct Steady {
    since: Instant,
    reading: Mutex<Reading>,
}

/// The last reading.
#[derive(Debug)]
struct Reading {
    /// The clock's age.
    age: Duration,
    /// The time that it showed.
    shown: i64,
    /// A step forward that is not believed yet: the age at which it was seen, and how far it went.
    leapt: Option<(Duration, i64)>,
    /// Whether it is ahead by a step that is logged.
    is_ahead: bool,
}

/// A step of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It was set back by so much.
    Back(i64),
    /// It was set forward by so much, and is not followed yet.
    Doubted(i64),
    /// A step of so much was followed.
    Followed(i64),
}

impl Steady {
    /// A clock that shows `wall` now.
    pub(super) fn new(wall: i64) -> Self {
        let reading = Reading { age: Duration::ZERO, shown: wall, leapt: None, is_ahead: false };
        Self { since: Instant::now(), reading: Mutex::new(reading) }
    }

    /// The time, while the wall clock shows `wall`.
    pub(super) fn read(&self, wall: i64) -> i64 {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let step = reading.advance(self.since.elapsed(), wall);
        let shown = reading.shown;
        drop(reading);
        step.iter().for_each(Step::log);
        shown
    }
}

impl Reading {
    fn advance(&mut self, age: Duration, wall: i64) -> Option<Step> {
        let passed = nanos(age.saturating_sub(self.age));
        self.age = self.age.max(age);
        let expected = self.shown.saturating_add(passed);
        let behind = wall.saturating_sub(expected);
        if behind < 0 {
            self.leapt = None;
            let given_up = (passed / GIVEN_UP).min(behind.saturating_neg());
            self.shown = expected - given_up;
            let was_ahead = std::mem::replace(&mut self.is_ahead, behind <= -WORTH_A_LINE);
            return (self.is_ahead && !was_ahead).then_some(Step::Back(-behind));
        }
        self.is_ahead = false;
        if behind > BELIEVED {
            // Another step restarts the wait: a step that was followed cannot be undone.
            let same = self.leapt.filter(|(_, far)| (far - behind).abs() < WORTH_A_LINE);
            let (leapt_at, _) = *self.leapt.insert(same.unwrap_or((age, behind)));
            if age.saturating_sub(leapt_at) < STANDS {
                self.shown = expected;
                return same.is_none().then_some(Step::Doubted(behind));
            }
        }
        self.leapt = None;
        self.shown = wall;
        (behind >= WORTH_A_LINE).then_some(Step::Followed(behind))
    }
}

impl Step {
    fn log(&self) {
        #[expect(clippy::cast_precision_loss, reason = "it is only shown")]
        let seconds = |nanos: i64| nanos as f64 / SECOND as f64;
        match *self {
            Self::Back(by) => warn!(
                target: "clock", seconds = seconds(by),
                "the machine's clock was set back: time goes on, a hundredth slower, until it agrees"
            ),
            Self::Doubted(by) => warn!(
                target: "clock", seconds = seconds(by),
                "the machine's clock was set forward: it is followed if it stays so for {STANDS:?}"
            ),
            Self::Followed(by) => warn!(
                target: "clock", seconds = seconds(by),
                "the machine's clock was set forward; this program's clock has followed it"
            ),
        }
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_800_000_000 * SECOND;

    /// A clock, its age, and a wall clock beside it.
    struct Bench {
        reading: Reading,
        age: Duration,
        wall: i64,
    }

    impl Bench {
        fn new() -> Self {
            let reading =
                Reading { age: Duration::ZERO, shown: START, leapt: None, is_ahead: false };
            Self { reading, age: Duration::ZERO, wall: START }
        }

        /// Lets time pass, then gives what is shown since the start, and what happened.
        fn after(&mut self, millis: u64) -> (i64, Option<Step>) {
            self.age += Duration::from_millis(millis);
            self.wall += nanos(Duration::from_millis(millis));
            let step = self.reading.advance(self.age, self.wall);
            (self.reading.shown - START, step)
        }
    }

    #[test]
    fn a_clock_that_is_set_back_goes_on_a_hundredth_slower_until_it_agrees() {
        let mut clock = Bench::new();
        assert_eq!(clock.after(1_000), (SECOND, None));
        clock.wall -= 3_600 * SECOND;
        assert_eq!(clock.after(0), (SECOND, Some(Step::Back(3_600 * SECOND))));
        assert_eq!(clock.after(10_000), (SECOND + 10 * SECOND * 99 / 100, None));
        // A small lead is given up, and not more than that.
        let mut clock = Bench::new();
        clock.wall -= SECOND / 100;
        assert_eq!(clock.after(500), (SECOND * 495 / 1_000, None));
        assert_eq!(clock.after(500), (SECOND * 990 / 1_000, None));
        assert_eq!(clock.after(1_000), (SECOND * 1_990 / 1_000, None));
    }

    #[test]
    fn a_small_step_forward_is_followed_at_once() {
        let mut clock = Bench::new();
        clock.wall += SECOND / 2;
        assert_eq!(clock.after(0), (SECOND / 2, None));
        clock.wall += 60 * SECOND;
        assert_eq!(clock.after(0).1, Some(Step::Followed(60 * SECOND)));
    }

    #[test]
    fn a_great_step_forward_is_followed_when_it_has_stood() {
        let mut clock = Bench::new();
        clock.wall += 3_600 * SECOND;
        assert_eq!(clock.after(0), (0, Some(Step::Doubted(3_600 * SECOND))));
        assert_eq!(clock.after(9_999), (9_999_000_000, None));
        assert_eq!(clock.after(1), (3_610 * SECOND, Some(Step::Followed(3_600 * SECOND))));
        // A second step before that restarts the wait.
        let mut clock = Bench::new();
        clock.wall += 120 * SECOND;
        assert_eq!(clock.after(0).1, Some(Step::Doubted(120 * SECOND)));
        clock.wall += 86_400 * SECOND;
        assert_eq!(clock.after(9_900).1, Some(Step::Doubted(86_520 * SECOND)));
        assert_eq!(clock.after(100), (10 * SECOND, None));
        // A step that is taken back has no effect.
        let mut clock = Bench::new();
        clock.wall += 86_400 * SECOND;
        assert_eq!(clock.after(0).1, Some(Step::Doubted(86_400 * SECOND)));
        clock.wall -= 86_400 * SECOND;
        assert_eq!(clock.after(20_000), (20 * SECOND, None));
    }

    #[test]
    fn time_never_goes_back() {
        let mut clock = Bench::new();
        let mut last = 0;
        for turn in 0_i64..2_000 {
            clock.wall += (turn * 7_919 % 4_001 - 2_000) * SECOND / 20;
            let (shown, _) = clock.after(u64::try_from(turn * 31 % 700).unwrap());
            assert!(shown >= last, "turn {turn}: {shown} after {last}");
            last = shown;
        }
    }
}
