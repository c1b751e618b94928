// Written for the bot's predecessor, which called functions by the names of events, and used as it is: not even built.
'use strict';

const LONGEST = 600;

/** Keeps a comment short. Returns nothing where there is nothing to change: the comment then stays as it is. */
function truncate(comment) {
  if (comment.body.length <= LONGEST) return undefined;
  return Object.assign({}, comment, { body: comment.body.slice(0, LONGEST - 3) + '...' });
}

/** Those whom the author has asked already. Teams can be asked too, and have no login. */
function requested(question) {
  const asked = question.pullRequest.requested_reviewers.find((one) => one.login);
  return asked && asked.login;
}

module.exports = {
  name: 'manners',
  author: 'somebody who has left',
  handlers: { 'comment.render': truncate, 'reviewer.pick': requested },
};
