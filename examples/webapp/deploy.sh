#!/bin/sh
# deploy.sh --region REGION: sends the program to the service that runs it. The token is read from the environment, and given to curl on its
# standard input: a command line can be seen by everybody on the machine.
set -eu
if [ $# != 2 ] || [ "$1" != --region ]; then
	echo "usage: deploy.sh --region REGION" >&2
	exit 2
fi
printf 'header = "Authorization: Bearer %s"\n' "$DEPLOY_TOKEN" |
	curl --config - --silent --show-error --fail --data-binary @server.mjs "$DEPLOY_URL/regions/$2/webapp"
echo "deployed to $2"
