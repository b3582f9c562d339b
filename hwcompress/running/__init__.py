"""Running the simulator over data of any size."""
