"""An experiment: built, trained, saved, loaded."""
