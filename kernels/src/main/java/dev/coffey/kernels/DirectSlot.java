package dev.coffey.kernels;

import java.util.function.Consumer;

/// The slot of a device that has done each operation when its call returns.
record DirectSlot(Kernels kernels) implements BatchSlot {
  @Override
  public void begin() {}

  @Override
  public void fetch(Tensor source, Consumer<float[]> taker) {
    float[] numbers = new float[Math.multiplyExact(source.rows(), source.columns())];
    kernels.download(source, numbers);
    taker.accept(numbers);
  }

  @Override
  public void end() {}

  @Override
  public void await() {}

  @Override
  public void abandon() {}

  @Override
  public void close() {}
}
