throw new Error('it ends before it begins');
