//! What every service process shares: settings, telemetry, management endpoints, supervision, shutdown.
