#!/bin/sh
# Leaves the name of its child, for who looks whether it is gone.
sleep 600 &
echo "$!" > child.pid
echo 'waiting'
wait
