/// How good answers are: metrics over pairs of a right and a given answer, and readers of the files
/// that such data comes in. Plain functions of values and files; no model is run here. May import
/// `dev.coffey.model.task` for the answers' types, and Jackson.
@NullMarked
package dev.coffey.model.eval;

import org.jspecify.annotations.NullMarked;
