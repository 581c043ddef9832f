package dev.coffey.server.bench;

import java.util.Arrays;

/// A batch as a peer without ragged batches takes it: all texts as long as the longest.
///
/// @param ids row by row, zeros behind a text's end
/// @param mask 1 for a text's own tokens, 0 behind its end
@SuppressWarnings("ArrayRecordComponent") // buffers are made of them as they are
record Padded(int texts, int tokens, long[] ids, long[] mask) {
  static Padded of(int[][] batch) {
    int tokens = Arrays.stream(batch).mapToInt(text -> text.length).max().orElseThrow();
    long[] ids = new long[batch.length * tokens];
    long[] mask = new long[batch.length * tokens];
    for (int t = 0; t < batch.length; t++) {
      for (int i = 0; i < batch[t].length; i++) {
        ids[t * tokens + i] = batch[t][i];
        mask[t * tokens + i] = 1;
      }
    }
    return new Padded(batch.length, tokens, ids, mask);
  }
}
