package dev.coffey.server.batch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class DeviceTest {
  /// Breaks if only the oldest of what is under way is reckoned with, or its time is counted for
  /// the next one too.
  @Test
  void busyNanos_twoUnderWay_isWhatIsLeftOfBoth() {
    Device device = new Device(0, 2, "device");
    assertThat(device.busyNanos(1000)).isZero();
    assertThat(device.dueNanos(1000)).isEqualTo(1000);
    device.began(100, 1000);
    device.began(40, 1030);
    assertThat(device.takesBatch()).isFalse();
    assertThat(device.busyNanos(1050)).isEqualTo(90);
    assertThat(device.dueNanos(1050)).isEqualTo(1140);
    assertThat(device.ended(1120)).isEqualTo(120);
    assertThat(device.takesBatch()).isTrue();
    assertThat(device.busyNanos(1130)).isEqualTo(30);
    assertThat(device.ended(1150)).isEqualTo(30);
    assertThat(device.idle()).isTrue();
  }

  /// What takes longer than expected is never taken to be done.
  @Test
  void busyNanos_overdue_isAnEighthOfWhatWasExpected() {
    Device device = new Device(0, 1, "device");
    device.began(80, 0);
    assertThat(device.busyNanos(200)).isEqualTo(11);
  }
}
