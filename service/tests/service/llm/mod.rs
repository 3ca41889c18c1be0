//! The LLM layer: the boundary, its books, its doors.

mod boundary;
mod breaker;
mod crash;
mod dashboards;
mod doors;
mod money;
mod prompts;
mod routing;
mod world;
