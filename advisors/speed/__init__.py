"""How fast a plan will run: a roofline over every device, calibrated on published measurements."""
