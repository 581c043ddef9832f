package dev.coffey.model;

import java.util.Arrays;

/// Numbers that a model computed for one text, on the host: `rows` rows of `columns`, row-major. A
/// vector has one row.
@SuppressWarnings("ArrayRecordComponent") // boxed numbers would cost more than the computation
public record Matrix(int rows, int columns, float[] values) {
  public Matrix {
    if (values.length != (long) rows * columns) {
      throw new IllegalArgumentException(
          "matrix: (" + rows + ", " + columns + ") with " + values.length + " values");
    }
  }

  /// The number in row `row`, column `column`.
  public float at(int row, int column) {
    return values[row * columns + column];
  }

  /// A copy of row `row`.
  public float[] row(int row) {
    return Arrays.copyOfRange(values, row * columns, (row + 1) * columns);
  }
}
