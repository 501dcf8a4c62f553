//! A step's process: started, listened to, logged, ended in time.
