//! Starts the processor; see the library for what it does.

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> std::process::ExitCode {
    hash_processor::main()
}
