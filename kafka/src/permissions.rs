//! What this client may do, as brokers tell it (KIP-430).

/// An operation that access control knows. The number is the bit it has in a broker's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Consume a topic; join a group and commit to it.
    Read = 3,
    /// Produce to a topic.
    Write = 4,
    /// See a topic or a group.
    Describe = 8,
}

impl Operation {
    /// The operation as Kafka's tools spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Describe => "Describe",
        }
    }
}

/// The operations that a broker grants this client on one topic or group. A cluster without access control grants all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations(i32);

impl Operations {
    /// How a broker says that it does not say.
    const UNTOLD: i32 = i32::MIN;

    /// Reads the set of bits in an answer; none if the broker does not tell.
    pub(crate) fn read(bits: i32) -> Option<Self> {
        (bits != Self::UNTOLD).then_some(Self(bits))
    }

    /// Whether `operation` is granted.
    pub fn grants(self, operation: Operation) -> bool {
        self.0 & (1 << operation as i32) != 0
    }

    /// Those of `wanted` that are not granted.
    pub fn lacks(self, wanted: &[Operation]) -> Vec<Operation> {
        wanted.iter().copied().filter(|operation| !self.grants(*operation)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_a_bit_and_no_answer_is_no_refusal() {
        let read_and_describe = Operations::read((1 << 3) | (1 << 8)).unwrap();
        assert!(read_and_describe.grants(Operation::Read) && read_and_describe.grants(Operation::Describe));
        assert_eq!(
            read_and_describe.lacks(&[Operation::Read, Operation::Write, Operation::Describe]),
            [Operation::Write]
        );
        assert_eq!(Operations::read(i32::MIN), None);
        assert_eq!(Operations::read(0).unwrap().lacks(&[Operation::Read]), [Operation::Read]);
    }
}
