//! Which request is to fail, how, and how often.

use std::time::Duration;

use kafka_protocol::ResponseError;

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next so many times, then never again.
    Next(u32),
    /// Until it is taken back.
    Every,
}

/// Where in the handling of a request a fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Before records are appended.
    Produce,
    /// After records were appended.
    Acknowledge,
    /// At every look at a fetched partition.
    Fetch,
    /// Before a member's request reaches its group.
    Group,
    /// When a produce or fetch has its answer.
    Quota,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The answer is this error.
    Error(ResponseError),
    /// There is no answer: the connection is reset.
    Disconnect,
    /// The answer says to pause, and the connection is not served meanwhile.
    Pause(Duration),
}

/// One fault that was asked for.
pub(crate) struct Rule {
    pub(crate) point: Point,
    /// The topic or group it is meant for; `None` is any.
    pub(crate) scope: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) times: Times,
}

/// The faults in force, the oldest first.
#[derive(Default)]
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    pub(crate) fn add(&mut self, rule: Rule) {
        if rule.times != Times::Next(0) {
            self.0.push(rule);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first rule for `point` and `name`; it counts as used once.
    pub(crate) fn strike(&mut self, point: Point, name: &str) -> Option<Effect> {
        let meant =
            |rule: &Rule| rule.point == point && rule.scope.as_deref().is_none_or(|scope| scope == name);
        let at = self.0.iter().position(meant)?;
        let rule = &mut self.0[at];
        let effect = rule.effect;
        if let Times::Next(left) = &mut rule.times {
            *left -= 1;
            if *left == 0 {
                self.0.remove(at);
            }
        }
        Some(effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: Effect = Effect::Error(ResponseError::RequestTimedOut);

    fn rule(point: Point, scope: Option<&str>, times: Times) -> Rule {
        Rule { point, scope: scope.map(str::to_owned), effect: ERROR, times }
    }

    #[test]
    fn a_counted_fault_ends() {
        let mut rules = Rules::default();
        rules.add(rule(Point::Produce, None, Times::Next(2)));
        let struck: Vec<_> = (0..3).map(|_| rules.strike(Point::Produce, "t")).collect();
        assert_eq!(struck, [Some(ERROR), Some(ERROR), None]);
    }

    #[test]
    fn a_fault_keeps_to_its_point_and_scope() {
        let mut rules = Rules::default();
        rules.add(rule(Point::Fetch, Some("a"), Times::Every));
        assert_eq!(rules.strike(Point::Produce, "a"), None);
        assert_eq!(rules.strike(Point::Fetch, "b"), None);
        assert_eq!(rules.strike(Point::Fetch, "a"), Some(ERROR));
        assert_eq!(rules.strike(Point::Fetch, "a"), Some(ERROR));
        rules.clear();
        assert_eq!(rules.strike(Point::Fetch, "a"), None);
    }

    #[test]
    fn zero_times_is_never() {
        let mut rules = Rules::default();
        rules.add(rule(Point::Group, None, Times::Next(0)));
        assert_eq!(rules.strike(Point::Group, "g"), None);
    }
}
