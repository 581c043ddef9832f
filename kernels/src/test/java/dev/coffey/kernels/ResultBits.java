package dev.coffey.kernels;

import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;

/// A program that prints a hash of the bits of every operation's result on one backend, once for
/// each value that it ever had: one line if cold and hot code agree. Arguments: the backend, and
/// for how many milliseconds to repeat.
final class ResultBits {
  private ResultBits() {}

  public static void main(String[] arguments) {
    KernelsProvider provider =
        KernelsProvider.all().stream()
            .filter(p -> p.name().equals(arguments[0]))
            .findAny()
            .orElseThrow();
    Duration limit = Duration.ofMillis(Long.parseLong(arguments[1]));
    Set<String> hashes = new TreeSet<>();
    long start = System.nanoTime();
    try (Kernels kernels = provider.open(new KernelsOptions(1))) {
      do {
        hashes.add(hash(kernels));
      } while (System.nanoTime() - start < limit.toNanos());
    }
    hashes.forEach(hash -> System.out.println("bits " + hash));
  }

  private static String hash(Kernels kernels) {
    StringBuilder hash = new StringBuilder();
    for (Operation operation : Operation.values()) {
      int bits = 0;
      for (int size : new int[] {9, 40}) {
        try (Bench bench = new Bench(kernels, Bench.Values.SIGNED, size)) {
          Operation.Call call = operation.call(bench, size);
          bits = 31 * bits + Arrays.hashCode(Operation.result(call, bench));
        }
      }
      hash.append(operation).append('=').append(Integer.toHexString(bits)).append(' ');
    }
    return hash.toString();
  }
}
