package dev.coffey.model.tokenize;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/// A tokenizer of the native library, without its padding and truncation, both of which are ours.
///
/// DJL's `HuggingFaceTokenizer` fetches everything about a text (pieces, spans as objects, masks)
/// whether it is read or not; calling its JNI class directly fetches what is needed: 470,000 tokens
/// a second on a core instead of 380,000 (872 sentences of SST-2, thread CPU time, a busy machine;
/// `TokenizerBenchmark` compares them too). What is left is the library's own time.
///
/// Any thread may call: encoding only reads the native tokenizer, under the read lock; [#close]
/// waits for those calls with the write lock, as a freed handle in use would take the process down.
final class NativeTokenizer implements AutoCloseable {
  private static final TokenizersLibrary LIBRARY = TokenizersLibrary.LIB;

  private final Lock use;
  private final Lock release;
  private long handle;

  /// @throws RuntimeException with the library's words if it does not accept `json`
  NativeTokenizer(String json) {
    NativeLibrary.load();
    ReadWriteLock lock = new ReentrantReadWriteLock();
    use = lock.readLock();
    release = lock.writeLock();
    handle = LIBRARY.createTokenizerFromString(json);
    LIBRARY.disablePadding(handle);
    LIBRARY.disableTruncation(handle);
  }

  /// What the library says of a text, each array as long as the ids. `words`, `sequences`: -1 for
  /// an added special.
  @SuppressWarnings("ArrayRecordComponent") // as the library gives them
  record Raw(
      long[] ids,
      long[] types,
      long @Nullable [] sequences,
      long @Nullable [] words,
      CharSpan @Nullable [] spans) {}

  /// Ids and types, and where more than `enough` tokens come out, their sequences.
  Raw encode(String text, @Nullable String pair, boolean specials, int enough) {
    return encoded(
        text,
        pair,
        specials,
        encoding -> {
          long[] ids = LIBRARY.getTokenIds(encoding);
          long[] sequences = ids.length > enough ? LIBRARY.getSequenceIds(encoding) : null;
          return new Raw(ids, LIBRARY.getTypeIds(encoding), sequences, null, null);
        });
  }

  /// Everything.
  Raw encodeFully(String text, @Nullable String pair, boolean specials) {
    return encoded(
        text,
        pair,
        specials,
        encoding ->
            new Raw(
                LIBRARY.getTokenIds(encoding),
                LIBRARY.getTypeIds(encoding),
                LIBRARY.getSequenceIds(encoding),
                LIBRARY.getWordIds(encoding),
                LIBRARY.getTokenCharSpans(encoding)));
  }

  /// The text of ids, as the tokenizer's decoder joins them. Ids outside the vocabulary are left
  /// out.
  String decode(long[] ids, boolean skipSpecials) {
    use.lock();
    try {
      return LIBRARY.decode(open(), ids, skipSpecials);
    } finally {
      use.unlock();
    }
  }

  @Override
  public void close() {
    release.lock();
    try {
      if (handle != 0) {
        LIBRARY.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      release.unlock();
    }
  }

  private Raw encoded(String text, @Nullable String pair, boolean specials, ReadEncoding read) {
    use.lock();
    try {
      long encoding =
          pair == null
              ? LIBRARY.encode(open(), text, specials)
              : LIBRARY.encodeDual(open(), text, pair, specials);
      try {
        return read.apply(encoding);
      } finally {
        LIBRARY.deleteEncoding(encoding);
      }
    } finally {
      use.unlock();
    }
  }

  private long open() {
    if (handle == 0) {
      throw new IllegalStateException("the tokenizer is closed");
    }
    return handle;
  }

  /// Reads the parts of a native encoding that are wanted.
  @FunctionalInterface
  private interface ReadEncoding {
    Raw apply(long encoding);
  }
}
