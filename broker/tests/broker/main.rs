//! The broker over its socket, as the clients it is made for see it.

#[cfg(test)]
mod every_version;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod kcat;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod member;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rskafka_client;
#[cfg(test)]
mod support;
