//! The checker against forged histories.

mod duplicates;
mod evidence;
mod gaps;
mod honesty;
mod loss;
mod phantoms;
mod property;
mod recovery;
mod run;
mod table;
mod totality;
mod verdict;
mod wrong_answers;
