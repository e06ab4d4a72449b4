//! The bench: what the broker costs, what HTTP costs, and what the stack costs, in one run on one machine.
//!
//! ```text
//!   options ─▶ session ─▶ suites/… ─▶ rounds ─┬─▶ driver ═HTTP═▶ plain, our stack, other gateways   (child, stack)
//!                            │                └─▶ floor ═Kafka═▶ the broker alone
//!                            ▼
//!                         findings ─▶ goals ─▶ report (Markdown, JSON), plot (SVG)
//! ```
//!
//! Figures are only ever compared within one round: [`rounds`] takes everything that is to be compared in turns, so
//! that a busy moment of the machine meets all of it.

pub mod caller;
pub mod child;
pub mod comparison;
pub mod driver;
pub mod findings;
pub mod floor;
pub mod goals;
pub mod machine;
pub mod options;
pub mod pace;
pub mod plain;
pub mod plot;
pub mod progress;
pub mod report;
pub mod rounds;
pub mod sample;
pub mod session;
pub mod slow;
pub mod spread;
pub mod stack;
pub mod suites;
pub mod usage;
