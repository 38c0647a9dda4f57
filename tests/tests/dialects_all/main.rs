//! What holds for every format of another system, because its clients have sessions: how many they may be, how large what they say,
//! how they are counted, and how they end.

mod client;
mod counts;
mod doors;
mod ends;
mod loads;
