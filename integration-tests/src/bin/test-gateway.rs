//! The gateway, for tests that kill it.

fn main() -> std::process::ExitCode {
    api_gateway::main()
}
