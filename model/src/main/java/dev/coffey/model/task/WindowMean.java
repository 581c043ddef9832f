package dev.coffey.model.task;

import dev.coffey.model.Matrix;
import dev.coffey.model.tokenize.Encoding;
import java.util.List;

/// What the windows of a long text say together: the mean of their rows, each weighted by the
/// tokens of its window. A text in one window is left as it is, bit for bit.
final class WindowMean {
  private WindowMean() {}

  /// @param outputs of each window, in order; the first matrix of each has one row
  static float[] of(List<Encoding> windows, List<List<Matrix>> outputs) {
    float[] first = outputs.getFirst().getFirst().values();
    if (windows.size() == 1) {
      return first;
    }
    double[] sums = new double[first.length];
    long tokens = 0;
    for (int w = 0; w < windows.size(); w++) {
      float[] row = outputs.get(w).getFirst().values();
      int weight = windows.get(w).tokens();
      tokens += weight;
      for (int i = 0; i < sums.length; i++) {
        sums[i] += (double) weight * row[i];
      }
    }
    float[] mean = new float[sums.length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (float) (sums[i] / tokens);
    }
    return mean;
  }
}
