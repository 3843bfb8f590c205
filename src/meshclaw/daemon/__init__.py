"""The claw at work by itself: services that wait for something, and the desk where what they bring is done."""
