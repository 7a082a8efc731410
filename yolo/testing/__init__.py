"""What the test program does: scores by four metrics, and says where a network is wrong."""
