package dev.coffey.server.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/// The other end of a [ProcessContestant]: three zeros for a text, a second for a time.
final class FakePeer {
  private FakePeer() {}

  public static void main(String[] arguments) throws IOException {
    System.out.println("{\"detail\": \"a fake\"}");
    if (arguments[0].equals("end")) {
      return;
    }
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode question = new ObjectMapper().readTree(line);
      int texts = 0;
      for (JsonNode batch : question.get("batches")) {
        texts += batch.size();
      }
      String logits = "[0,0,0],".repeat(texts);
      System.out.printf(
          "{\"seconds\": %d, \"logits\": [%s]}%n",
          question.get("times").asInt(), logits.substring(0, logits.length() - 1));
    }
  }
}
