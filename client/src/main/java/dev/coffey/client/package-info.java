/// The thin Java client of a Coffey server: [CoffeyClient] and what it answers with. May import the
/// generated protos and grpc; no model, no server.
///
/// ```java
/// try (var client = CoffeyClient.builder(target).build()) {
///   for (LabelScore label : client.classify("a charming and often affecting journey")) {
///     System.out.printf("%s %.4f%n", label.getLabel(), label.getScore());
///   }
///   for (Outcome<List<LabelScore>> outcome : client.classify(List.of("dull", "", "superb"))) {
///     switch (outcome) {
///       case Outcome.Done(var labels, int tokens, int _) ->
///           System.out.println(labels.getFirst().getLabel() + " from " + tokens + " tokens");
///       case Outcome.Failed(CoffeyException error) -> System.out.println(error.getMessage());
///     }
///   }
///   float[] vector = client.withDeadline(Duration.ofSeconds(2)).embedAsync("a text").join();
///   System.out.println(vector.length + " numbers");
/// }
/// ```
@NullMarked
package dev.coffey.client;

import org.jspecify.annotations.NullMarked;
