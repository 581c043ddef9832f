/// Model folders as Hugging Face writes them: `config.json` into a [dev.coffey.model.ModelConfig],
/// safetensors files (one or several shards) into tensors that a backend packs, and what a
/// sentence-transformers folder adds. Nothing read from disk is trusted before it is checked, and
/// everything that can be wrong with a folder is one
/// [dev.coffey.model.checkpoint.CheckpointException] that names file, tensor or key, expected and
/// found. Imports the JDK, Jackson, `dev.coffey.kernels` and the records of `dev.coffey.model`.
@NullMarked
package dev.coffey.model.checkpoint;

import org.jspecify.annotations.NullMarked;
