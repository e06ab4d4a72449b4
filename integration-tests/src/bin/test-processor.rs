//! The processor, for tests that kill it.

fn main() -> std::process::ExitCode {
    hash_processor::main()
}
