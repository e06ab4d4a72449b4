//! The processor, for tests that kill it.

// The service's own allocator.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> std::process::ExitCode {
    integration_tests::programs::processor()
}
