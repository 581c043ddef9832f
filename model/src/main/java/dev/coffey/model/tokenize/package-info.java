/// Text to token ids and back, exactly as Hugging Face's tokenizers library does it, because it is
/// that library: its native code as DJL packages it, fed from `tokenizer.json` or from a definition
/// made out of `vocab.txt`. Reads files through [java.nio.file.Path] only, so that a model may lie
/// in a folder or in a jar. Imports the JDK, Jackson and DJL's JNI class.
@NullMarked
package dev.coffey.model.tokenize;

import org.jspecify.annotations.NullMarked;
