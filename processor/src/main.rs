//! Starts the processor; see the library for what it does.

fn main() -> std::process::ExitCode {
    hash_processor::main()
}
