//! Moves records over rskafka partition clients, and says over connections of its own what rskafka cannot.
