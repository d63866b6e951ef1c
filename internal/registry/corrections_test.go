package registry_test

// moved are the capabilities that belong to another service than the reference says, because their key is another and goes elsewhere.
func moved() map[string]string {
	return map[string]string{
		"openai/codex-realtime":  "openai-codex",
		"openai/codex-responses": "openai-codex",
		"openai/codex-usage":     "openai-codex",
	}
}

// corrections are the methods and paths of the reference that a capability does not have, and why.
func corrections() map[string]string {
	const (
		tooWide = "reached what the capability is not about"
		codex   = "the path prefix of the service is /backend-api"
		retired = "the REST API v2 and the Sync API v9 answer 410: the API v1 has taken their place"
		none    = "no such path is documented"
	)
	return map[string]string{
		"airtable/records /v0/":                                     "a record is in a table of a base; less than both is other capabilities'",
		"airtable/webhooks /v0/bases":                               tooWide,
		"elevenlabs/studio /v1/projects":                            "renamed: /v1/studio",
		"google-calendar/events /calendar/v3/calendars/":            tooWide + ": calendars and who has access to them",
		"google-gmail/messages-modify /gmail/v1/users/me/messages/": tooWide + ": sending, and deletion for good",
		"google-gmail/messages-modify /gmail/v1/users/me/threads/":  tooWide + ": deletion for good",
		"hubspot/automation /automation/v4/":                        "the two collections that there are, one by one",
		"hubspot/cms /cms/v3/site-pages/":                           "site pages are /cms/v3/pages/site-pages",
		"hubspot/crm-associations /crm/v4/objects/":                 tooWide + ": objects themselves",
		"hubspot/files /files/v3/":                                  "the two collections that there are, one by one",
		"hubspot/marketing /marketing/v3/email/":                    "renamed: /marketing/v3/emails",
		"hubspot/settings /settings/v3/business-units/":             "business units are /business-units/v3",
		"linear/storage /":                                          "a file is in a workspace; the root would cover every path of the other host",
		"mailgun/sending /v3/":                                      tooWide + ": domains, lists, routes",
		"netlify/deploys /api/v1/sites":                             tooWide + ": sites themselves, which are netlify/sites",
		"openai/codex-realtime /realtime/calls":                     codex,
		"openai/codex-responses /responses":                         codex,
		"openai/codex-usage /wham/usage":                            codex,
		"openrouter/api-keys /api/v1/api_keys":                      none + ": keys are /api/v1/keys",
		"plaid/liabilities /liabilities":                            "the only path there is liabilities-sync's; this one is that of processors",
		"plaid/link-token /link/token":                              "creating one is link-token-create",
		"plaid/link-token-update /link/token/create":                "is link-token-create: two capabilities cannot have one request",
		"slack/workflow /api/workflow.":                             none + ": the methods begin with workflows.",
		"todoist/comments /rest/v2/comments":                        retired,
		"todoist/labels /rest/v2/labels":                            retired,
		"todoist/projects /rest/v2/projects":                        retired,
		"todoist/sections /rest/v2/sections":                        retired,
		"todoist/sync /sync/v9":                                     retired,
		"todoist/tasks /rest/v2/tasks":                              retired,
		"trello/custom-fields /1/customField":                       none + ": custom fields are /1/customFields",
		"twilio/api /2010-04-01":                                    "everything there is below Accounts",
	}
}

// serviceCorrections are the hosts, secrets and strategies of the reference that a service does not have, and why.
func serviceCorrections() map[string]string {
	const oauth = "is OAuth 2.0: the secret is no token but what gets one; its old name is an alias"
	return map[string]string{
		"google-calendar oauth2": "a login gives the refresh token: the code grant, with PKCE; what is refreshed is the same",
		"google-gmail oauth2":    "a login gives the refresh token: the code grant, with PKCE; what is refreshed is the same",
		"gemini auth":            "in a header, as the documentation has it, a key is in no log of addresses",
		"linear field":           "a personal key stands alone: Bearer is for OAuth",
		"quickbooks auth":        oauth,
		"quickbooks secret":      oauth,
		"reddit auth":            oauth,
		"reddit secret":          oauth,
		"shopify host":           "each shop has a host of its own, {store}.myshopify.com, which its credential names",
		"spotify auth":           oauth,
		"spotify secret":         oauth,
		"xero auth":              oauth,
		"xero secret":            oauth,
	}
}
