package dev.coffey.client;

import dev.coffey.proto.v1.LabelScore;
import java.time.Duration;
import java.util.List;

/// The example of the package's documentation, compiled; `ExampleTest` holds the two together and
/// runs it.
final class Example {
  private Example() {}

  static void run(String target) {
    // example
    try (var client = CoffeyClient.builder(target).build()) {
      for (LabelScore label : client.classify("a charming and often affecting journey")) {
        System.out.printf("%s %.4f%n", label.getLabel(), label.getScore());
      }
      for (Outcome<List<LabelScore>> outcome : client.classify(List.of("dull", "", "superb"))) {
        switch (outcome) {
          case Outcome.Done(var labels, int tokens, int _) ->
              System.out.println(labels.getFirst().getLabel() + " from " + tokens + " tokens");
          case Outcome.Failed(CoffeyException error) -> System.out.println(error.getMessage());
        }
      }
      float[] vector = client.withDeadline(Duration.ofSeconds(2)).embedAsync("a text").join();
      System.out.println(vector.length + " numbers");
    }
    // end
  }
}
