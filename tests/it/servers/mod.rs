//! Harvests from image servers that others wrote, and from servers that do everything wrong.

mod hostile;
mod pictures;
mod proxy;
mod real;
mod wicked;
